"""The stack a demo plays on: one that runs on the directory already, or one of its own."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from natalog.local import stackfile
from natalog.local.stackfile import StackFile
from natalog.local.tether import tethered

READY_WITHIN = 180.0  # seconds
STOP_WITHIN = 60.0


class DidNotStart(Exception):
    """`natalog up` ended before it was ready; the text is what it said. `code` is its exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


@contextmanager
def running(directory: Path) -> Iterator[StackFile]:
    """The stack on `directory`, started if none runs there and then stopped at the end.

    Raises DidNotStart.
    """
    directory.mkdir(parents=True, exist_ok=True)
    found = stackfile.read(directory)
    if found is not None and _answers(found):
        yield found
        return
    output = directory / "up.log"
    with output.open("wb") as out:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops `up` in order.
        process = subprocess.Popen(
            tethered([sys.executable, "-m", "natalog", "up", "--data", str(directory)]),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield _await_ready(process, directory, output)
    finally:
        _stop(process)


def _await_ready(process: subprocess.Popen[bytes], directory: Path, output: Path) -> StackFile:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            raise DidNotStart(output.read_text(errors="replace")[-4000:].strip(), code)
        found = stackfile.read(directory)
        if found is not None:
            return found
        time.sleep(0.1)
    raise DidNotStart(f"not ready within {READY_WITHIN:.0f} s; see {output} and {directory / 'logs'}", 4)


def _answers(stack: StackFile) -> bool:
    import httpx

    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{stack.gateway}/healthz", timeout=2, trust_env=False).is_success
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
