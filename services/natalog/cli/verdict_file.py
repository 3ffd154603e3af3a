"""The file `natalog submit --verdicts` writes: one answer a line, in the order of the records it answers.

It is how far a submission has come, too: what it holds is not sent again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from natalog.cli.submission_file import Line
from natalog.cli.submission_sender import is_final


class OtherFile(Exception):
    """The verdicts are those of other records; the message says what to do."""


class VerdictFile:
    """Answers of an earlier run up to the first that is missing, torn or not final; the rest is written anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept = 0
        """Answers of an earlier run."""

    def __enter__(self) -> Self:
        end = 0
        self._path.touch()
        with self._path.open("rb") as old:
            for answer in old:
                if not answer.endswith(b"\n") or not is_final(answer):
                    break
                end += len(answer)
                self.kept += 1
        os.truncate(self._path, end)
        self._earlier = self._path.open("rb")
        self._out = self._path.open("ab")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._earlier.close()
        self._out.close()

    def earlier(self, lines: Sequence[Line]) -> Iterator[bytes]:
        """Answers of an earlier run to the first of these lines, as many as there are.

        Raises OtherFile for one that answers other records.
        """
        for line in lines:
            if self.kept == 0:
                return
            self.kept -= 1
            answer = self._earlier.readline().rstrip(b"\n")
            told, sent = orjson.loads(answer), orjson.loads(line.body or b"{}").get("event_id")
            if sent is not None and told.get("event_id", told.get("range_id", sent)) != sent:
                raise OtherFile(
                    f"Line {line.number}: {self._path} holds the answers to another file. Name another file."
                )
            yield answer

    def write(self, answers: Sequence[bytes]) -> None:
        """Add answers, and let the disk have them."""
        self._out.write(b"".join(answer + b"\n" for answer in answers))
        self._out.flush()
