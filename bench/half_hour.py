"""The thirty minutes as they are, on a whole local stack: `python -m bench.half_hour`, 31 minutes; last line JSON.

Completions of one moment, four shares of them: never filed, filed a minute and ten seconds before they fall due, filed
ten seconds late. In the middle the watch is killed. What the tables say then is what a ministry's operator would see.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from natalog.local import stackfile

SHARE = 10
DUE = timedelta(minutes=30)

TOLD = """
SELECT coalesce(closed_by, 'nothing'), count(*), count(overdue_seq),
       extract(epoch FROM max(overdue_at - due_at)), extract(epoch FROM min(closed_at - due_at))
FROM obligations GROUP BY 1, overdue_seq IS NULL ORDER BY 1, 3"""


def main() -> int:
    """Print what became of each share; 1 when one was judged wrongly."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "stack"
        stack = subprocess.Popen(["natalog", "up", "--data", str(data)], stderr=subprocess.DEVNULL)
        try:
            while stackfile.read(data) is None:
                assert stack.poll() is None, "natalog up ended before it was ready"
                time.sleep(0.2)
            return _play(data, Path(directory))
        finally:
            stack.send_signal(signal.SIGINT)
            stack.wait(60)


def _play(data: Path, work: Path) -> int:
    began = datetime.now(UTC)
    filings = _filings(began)
    _submit(data, work, [_completion(filing) for filing in filings])
    _sleep_until(began + DUE / 2)
    os.kill(_running(data).pids["watch"], signal.SIGKILL)
    print("watch killed", flush=True)
    for share, seconds in enumerate((-60, -10, 10), 1):
        _sleep_until(began + DUE + timedelta(seconds=seconds))
        now = datetime.now(UTC).isoformat()
        times = dict.fromkeys(("captured_at", "attempted_at", "occurred_at"), now)
        _submit(data, work, [filing | times for filing in filings[share * SHARE : (share + 1) * SHARE]])
        print(f"filed {seconds:+} s from due", flush=True)
    time.sleep(15)
    with psycopg.connect(_running(data).postgres) as database:
        rows = database.execute(TOLD).fetchall()
    shares = [
        {
            "closed_by": closed_by,
            "count": count,
            "told_overdue": told,
            "told_after_due_s": None if after is None else float(after),
            "first_closed_after_due_s": None if closed is None else float(closed),
        }
        for closed_by, count, told, after, closed in rows
    ]
    print(json.dumps({"shares": shares}))
    right = [("FILING", 2 * SHARE, 0), ("FILING", SHARE, SHARE), ("nothing", SHARE, SHARE)]
    return 0 if [row[:3] for row in rows] == right else 1


def _running(data: Path) -> stackfile.StackFile:
    found = stackfile.read(data)
    assert found is not None, "the stack is gone"
    return found


def _filings(registered_at: datetime) -> list[dict[str, Any]]:
    command = ["natalog", "sample", "--day", f"{registered_at:%Y-%m-%d}", "--province", "33"]
    command += ["--kinds", "filings", "--irregular", "0", "--count", str(8 * SHARE)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    numbered = [filing for filing in map(json.loads, lines) if "certificate_number" in filing]
    assert len(numbered) >= 4 * SHARE
    return [filing | {"registered_at": registered_at.isoformat()} for filing in numbered[: 4 * SHARE]]


def _completion(filing: dict[str, Any]) -> dict[str, Any]:
    same = ("unit_code", "registration_id", "registered_at", "certificate_number")
    fresh = {
        "kind": "completion",
        "event_id": str(uuid.uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    return fresh | {name: filing[name] for name in same}


def _submit(data: Path, work: Path, records: Iterable[dict[str, Any]]) -> None:
    file = work / "records.ndjson"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    subprocess.run(
        ["natalog", "submit", str(file), "--data", str(data)], check=True, stdout=subprocess.DEVNULL
    )


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


if __name__ == "__main__":
    sys.exit(main())
