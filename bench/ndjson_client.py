"""Sends a prepared body of JSON lines and counts the answers while it sends: a process of its own.

    python -m bench.ndjson_client HOST PORT PATH TOKEN FILE LINES

Two threads and no HTTP library: the kernel copies the file, answers are counted by their ends of line. Prints
`counting` when a fifth of the answers are there, and at the end a JSON object: answers by verdict and status, and the
seconds the last four fifths took.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

_KIND = re.compile(rb'"(?:verdict|status)":"?([A-Z0-9]+)')


def main(arguments: list[str]) -> None:
    """See the module's docstring."""
    host, port, path, token, file, expected = arguments
    body = Path(file)
    connection = socket.create_connection((host, int(port)))
    connection.sendall(
        (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {body.stat().st_size}\r\n\r\n"
        ).encode()
    )

    def send() -> None:
        with body.open("rb") as content:
            connection.sendfile(content)

    threading.Thread(target=send, daemon=True).start()
    lines, wanted = 0, int(expected)
    kept: list[bytes] = []
    counting = 0.0
    while data := connection.recv(1 << 18):
        kept.append(data)
        lines += data.count(b"}\n")
        if not counting and lines >= wanted // 5:
            print("counting", flush=True)
            counting, from_line = time.perf_counter(), lines
        if lines >= wanted or data.endswith(b"0\r\n\r\n"):
            break
    seconds = time.perf_counter() - counting
    print(
        json.dumps(
            {
                "lines": lines,
                "seconds": round(seconds, 3),
                "per_second": round((lines - from_line) / seconds),
                "counted": lines - from_line,
                "answers": {k.decode(): n for k, n in Counter(_KIND.findall(b"".join(kept))).items()},
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
