"""Lines of a stream: made from clean JSON, awaited by event id, settled by their entries. Compiled by mypyc.

Here is only what runs once per line and must be cheap; anything out of the ordinary is left to the careful way
(`submission.prepare`, `verdict.verdict_json`), whose results are the same (tests/property/test_gateway_lines.py).

What answers a line is not the entry of the very record this gateway produced, as it is for single records, but the
entry about its content: (key, event id, content) has one verdict for all time (DESIGN, I2), whoever sent it first. So
no line needs to know its offset, and the producer need not report each delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

import orjson
from mypy_extensions import i64

from natalog.decision.calendar import DAY_MS, civil
from natalog.decision.codes import ACCEPTED, MALFORMED_NUMBER, REFUSED
from natalog.decision.divisions import contains
from natalog.wire.clean_json import Column, take
from natalog.wire.hot import RECORD_INPUT, REPEAT_INPUT, EntryView, read_command, read_entry
from natalog.wire.murmur2 import partition_of

MAX_VALUE: Final = 250_000
"""Bytes of a record's value; the topic takes 262,144 with key, headers and batch around it."""
_KEPT: Final = 2_000
"""Wordings kept; there are some dozens in practice."""
_YEAR_10000: Final = 253_402_300_800_000


class Line:
    """A record on its way, and its entry once that has come."""

    def __init__(
        self, event_id: bytes, number: str | None, topic: str, partition: int, key: bytes, value: bytes
    ) -> None:
        self.event_id: bytes = event_id
        self.number: str | None = number
        self.topic: str = topic
        self.partition: i64 = partition
        self.key: bytes = key
        self.value: bytes = value
        self.plain: bool = False
        """Whether the number is well-formed, so that nothing in its verdict needs escaping."""
        self.units: i64 = 1
        """Room of the bulk lane it holds."""
        self.entry: EntryView | None = None
        self.answer: bytes = b""
        """Value of the entry."""
        self.offset: i64 = -1
        """Ledger offset of the entry."""
        self.twin: Line | None = None
        """Another line of the same event id."""
        self._content: bytes = b""

    def content(self) -> bytes:
        """Hash of what the record says."""
        if self._content == b"":
            self._content = read_command(self.value).content
        return self._content


class Taker:
    """Makes lines of one stream: one kind of record, one caller."""

    def __init__(
        self,
        header: bytes,
        columns: list[Column],
        submitter: bytes,
        org: str,
        *,
        live: str,
        backfill: str,
        partitions: int,
    ) -> None:
        self._header: bytes = header
        self._columns: list[Column] = columns
        self._submitter: bytes = submitter
        self._org: str = org
        self._live: str = live
        """Topic of live records; "" when the caller may not send them."""
        self._backfill: str = backfill
        """Topic of records with origin BACKFILL; "" when they are live ones from this caller."""
        self._partitions: i64 = partitions
        self._day: i64 = -1
        self._within: dict[str, bool] = {}

    def take(self, text: bytes, day: int) -> Line | None:
        """The line's record, ready to be produced; None for anything but clean JSON that this caller may send.

        `day` is days since 1970-01-01 in Beijing: divisions are a dated table.
        """
        # A key may be apart from its colon, and then counting `":` would not find a key that is there twice.
        if b'" ' in text or b'"\t' in text or b'"\r' in text:
            return None
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(content, dict):
            return None
        keys: i64 = len(content)
        for value in content.values():
            if isinstance(value, dict):
                keys += len(value)
        if text.count(b'":') != keys:
            return None
        taken = take(self._header, self._columns, content, self._submitter)
        if taken is None or len(taken.value) > MAX_VALUE:
            return None
        if day != self._day:
            self._day = day
            self._within = {}
        within = self._within.get(taken.unit)
        if within is None:
            within = contains(self._org, taken.unit, day)
            if len(self._within) < 10_000:
                self._within[taken.unit] = within
        topic = self._backfill if taken.backfill and self._backfill != "" else self._live
        if not within or topic == "":
            return None
        key = taken.number.encode("utf-8")
        line = Line(
            taken.event_id, taken.number, topic, partition_of(key, self._partitions), key, taken.value
        )
        line.plain = True
        return line


class Awaited:
    """Lines under way, by event id. `match` may run on another thread than the rest."""

    def __init__(self) -> None:
        self._lines: dict[bytes, Line] = {}

    def __len__(self) -> int:
        """Event ids awaited."""
        return len(self._lines)

    def expect(self, line: Line) -> None:
        """Before the record is produced: its entry may come at any time after."""
        line.twin = self._lines.get(line.event_id)
        self._lines[line.event_id] = line

    def forget(self, line: Line) -> None:
        """The line is answered, or nobody waits for it any longer."""
        first = self._lines.get(line.event_id)
        if first is line:
            twin = line.twin
            if twin is None:
                del self._lines[line.event_id]
            else:
                self._lines[line.event_id] = twin
            return
        while first is not None:
            twin = first.twin
            if twin is line:
                first.twin = line.twin
                return
            first = twin

    def match(
        self, partition: int, events: Sequence[bytes], offsets: Sequence[int], values: Sequence[bytes]
    ) -> int:
        """Give valid entries, in ledger order, to the lines they answer; how many lines that were."""
        lines = self._lines
        if not lines:
            return 0
        found: i64 = 0
        for i in range(len(events)):
            line = lines.get(events[i])
            if line is None:
                continue
            entry = read_entry(values[i])
            while line is not None:
                if line.entry is None and line.partition == partition and _answers(entry, line):
                    line.answer = values[i]
                    line.offset = offsets[i]
                    line.entry = entry  # last: whoever sees it finds the rest
                    found += 1
                line = line.twin
        return found


def _answers(entry: EntryView, line: Line) -> bool:
    if entry.kind == RECORD_INPUT:
        return entry.input == line.value
    return entry.kind == REPEAT_INPUT and entry.content == line.content()


class Words:
    """The middle of verdicts of one kind of record in one language, written once for each combination of codes."""

    def __init__(self, record: str, write: Callable[[EntryView], bytes]) -> None:
        self.record: str = record
        self._write: Callable[[EntryView], bytes] = write
        self._kept: dict[tuple[int, int, int, int], str] = {}

    def of(self, entry: EntryView) -> str:
        """From `verdict` to `suggestion`."""
        codes = (int(entry.verdict), int(entry.reason), int(entry.flags), int(entry.doubts))
        words = self._kept.get(codes)
        if words is None:
            words = self._write(entry).decode("utf-8")[1:-1]
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[codes] = words
        return words


class Settled:
    """What `settle` did."""

    def __init__(self) -> None:
        self.accepted: int = 0
        self.refused: int = 0
        self.units: int = 0
        """Room of the bulk lane that is free again."""


def settle(
    items: list[Line | bytes], start: int, out: list[bytes], words: Words, awaited: Awaited, done: Settled
) -> int:
    """Append answers in order, from `items[start]` up to the first line that has none yet or needs the careful way.

    Returns the place of that line, `len(items)` where there is none.
    """
    at: i64 = start
    n: i64 = len(items)
    while at < n:
        item = items[at]
        if isinstance(item, bytes):
            out.append(item)
            at += 1
            continue
        entry = item.entry
        if entry is None or not renderable(item, entry):
            break
        if entry.verdict == ACCEPTED:
            done.accepted += 1
        else:
            done.refused += 1
        out.append(render(item, entry, words))
        done.units += item.units
        awaited.forget(item)
        at += 1
    return int(at)


def renderable(line: Line, entry: EntryView) -> bool:
    """Whether `render` may write this verdict: no suggestion, nothing to escape, a time since 1970."""
    if not line.plain or entry.received_at < 0:
        return False
    return entry.verdict == ACCEPTED or (entry.verdict == REFUSED and entry.reason != MALFORMED_NUMBER)


def render(line: Line, entry: EntryView, words: Words) -> bytes:
    """The verdict of a `renderable` entry, byte for byte as `verdict_json` writes it."""
    id_ = line.event_id.hex()
    return (
        f'{{"event_id":"{id_[:8]}-{id_[8:12]}-{id_[12:16]}-{id_[16:20]}-{id_[20:]}","kind":"{words.record}",'
        f'"certificate_number":"{line.number}",{words.of(entry)},"received_at":{_time(entry.received_at)},'
        f'"delay_ms":{_or_null(entry.delay_ms)},"claim_expires_at":{_time(entry.claim_expires_at)},'
        f'"first":{_or_null(entry.first)},"rules":{int(entry.rules)},"ledger":{{"partition":{int(line.partition)},'
        f'"seq":{int(entry.seq)},"hash":"{sha256(line.answer).hexdigest()}"}}}}'
    ).encode()


def _or_null(number: i64) -> str:
    return "null" if number < 0 else str(int(number))


def _time(ms: i64) -> str:
    """RFC 3339 in UTC with milliseconds; null for what is absent, the bare number where no calendar reaches."""
    if ms < 0:
        return "null"
    if ms >= _YEAR_10000:
        return str(int(ms))
    year, month, day = civil(ms // DAY_MS)
    rest: i64 = ms % DAY_MS
    return (
        f'"{_padded(year, 4)}-{_padded(month, 2)}-{_padded(day, 2)}T{_padded(rest // 3_600_000, 2)}:'
        f'{_padded(rest // 60_000 % 60, 2)}:{_padded(rest // 1_000 % 60, 2)}.{_padded(rest % 1_000, 3)}Z"'
    )


def _padded(number: i64, width: i64) -> str:
    return str(int(number)).rjust(int(width), "0")
