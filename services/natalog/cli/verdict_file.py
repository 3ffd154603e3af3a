"""The file `natalog submit --verdicts` writes: one answer a line, in the order of the records it answers.

It is how far a submission has come, too: what it holds is not sent again. So each answer says which line it was given
to (`sent`, a digest), and nothing is cut off before all that is kept was found to belong to the lines at hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from natalog.cli.submission_file import Line
from natalog.cli.submission_sender import is_answer, is_final


class OtherFile(Exception):
    """It holds no verdicts, those of other records, or cannot be written; the message says what to do."""


class VerdictFile:
    """Answers of an earlier run up to the first that is missing, torn or does not stand; the rest is written anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept = 0
        """Answers of an earlier run."""

    def __enter__(self) -> Self:
        """Raises OtherFile for a file that is none of verdicts, or can be none."""
        self._end = 0
        try:
            self._out = self._path.open("ab")
            self._earlier = self._path.open("rb")
        except OSError as error:
            raise OtherFile(f"{self._path} cannot be written: {error.strerror}. Name another file.") from None
        for answer in self._earlier:
            if not self._end and not (is_answer(answer) or _is_torn(answer)):
                self.__exit__(None, None, None)
                raise OtherFile(f"{self._path} holds no answers to records. Name another file.")
            if not answer.endswith(b"\n") or not _stands(answer):
                break
            self._end += len(answer)
            self.kept += 1
        self._earlier.seek(0)
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
            if told.get("sent", line.digest) != line.digest:
                raise OtherFile(
                    f"Line {line.number} of the records was changed after {self._path} got its answer. Name another "
                    "file for the verdicts: all lines are sent, and what is recorded is not recorded twice."
                )
            yield answer

    def write(self, lines: Sequence[Line], answers: Sequence[bytes]) -> None:
        """Add the answers of lines, and let the disk have them."""
        if not answers:
            return
        if self._end >= 0:
            os.truncate(self._path, self._end)
            self._end = -1
        for line, answer in zip(lines, answers, strict=True):
            body = answer.rstrip().removesuffix(b"}")  # an object: `is_answer`
            self._out.write(b'%s,"sent":"%s"}\n' % (body, line.digest.encode()))
        self._out.flush()


def _stands(answer: bytes) -> bool:
    """Whether another run could bring no better answer. A 403 is about the token, and another may be allowed to."""
    return is_final(answer) and orjson.loads(answer).get("status") != 403


def _is_torn(text: bytes) -> bool:
    """Whether it may be the beginning of an answer, of a run that was killed."""
    begun = b'{"event_id":'
    return not text.endswith((b"\n", b"}")) and text[: len(begun)] == begun[: len(text)]
