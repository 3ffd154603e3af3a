"""Writes the golden ledger: `python -m tests.golden.make`.

Only for a change that is meant to alter decisions *before* anything was decided in earnest. A ledger in use never
changes its mind: then a change is a new rule set or a new schema version, and this file gets entries, not other ones.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from natalog.replay.source import Record
from tests.golden.memory_ledger import MemoryLedger
from tests.golden.scenes import play

FILE = Path(__file__).with_name("ledger.ndjson")
"""A record a line: topic, partition, offset, timestamp (UTC ms), key and value (base64, or null)."""


def lines(ledger: MemoryLedger) -> list[str]:
    """The file's lines."""
    logs = {**ledger.intake, **{("ledger", p): log for p, log in ledger.ledger.items()}}
    return [_line(*place, record) for place, log in sorted(logs.items()) for record in log]


def _line(topic: str, partition: int, record: Record) -> str:
    return json.dumps(
        {
            "topic": topic,
            "partition": partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
            "key": _text(record.key),
            "value": _text(record.value),
        },
        separators=(",", ":"),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def read(text: str) -> dict[tuple[str, int], list[Record]]:
    """The logs a file holds."""
    logs: dict[tuple[str, int], list[Record]] = {}
    for line in text.splitlines():
        row: dict[str, Any] = json.loads(line)
        value = None if row["value"] is None else base64.b64decode(row["value"])
        record = Record(row["offset"], row["timestamp"], base64.b64decode(row["key"]), value)
        logs.setdefault((row["topic"], row["partition"]), []).append(record)
    return logs


if __name__ == "__main__":
    made = MemoryLedger()
    play(made)
    FILE.write_text("\n".join(lines(made)) + "\n", encoding="ascii")
