"""Gaps in birth.registrations that ended a process: believed when the next process meets the same one.

Faust may lose what it had queued when it is told to read again; a new process then finds the records. Offsets that
stay without records were taken by a transaction's marker, which has no business on that topic: a watch that ended
for ever at the same place would watch nothing.
"""

from __future__ import annotations

import json
from pathlib import Path


class Gaps:
    """The last gap of each partition, in a file that a crash cannot tear."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, list[int]] = {}
        if path.is_file():
            self._seen = json.loads(path.read_text(encoding="utf-8"))

    def was_seen(self, partition: int, expected: int, offset: int) -> bool:
        """Whether an earlier process met this very gap; otherwise it is noted for the next one."""
        if self._seen.get(str(partition)) == [expected, offset]:
            return True
        self._seen[str(partition)] = [expected, offset]
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._seen), encoding="utf-8")
        part.replace(self._path)
        return False
