"""Holds each entry against the intake record it was decided from, as long as that is still there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from natalog.replay.chain import Link
from natalog.replay.differences import changed_fields
from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.source import Record, Source
from natalog.wire.errors import WireError
from natalog.wire.hot import RECORD_INPUT, REPEAT_INPUT, EntryView, read_command
from natalog.wire.topics import INTAKE_TOPICS, MARKED


class _Cursor:
    """Reads one intake log in step with the ledger."""

    def __init__(self, source: Source, topic: str, partition: int) -> None:
        self._source = source
        self._log = topic, partition
        self._batches = source.intake(topic, partition)
        self._batch: list[Record] = []
        self._place = 0
        self.passed = self.start - 1
        """Offset of the last record taken; before the first one, where none is any more."""
        self.holes: list[tuple[int, int]] = []
        """First and last offsets of stretches without a record that were passed."""

    @property
    def start(self) -> int:
        """First offset that is still there. Retention may move it while the log is read."""
        return self._source.intake_start(*self._log)

    def take(self, offset: int, skipped: list[Record]) -> Record | None:
        """The record at `offset`, None when there is none. Records passed over go to `skipped`."""
        while (record := self.next(offset)) is not None:
            if record.offset == offset:
                return record
            skipped.append(record)
        return None

    def next(self, limit: int | None = None) -> Record | None:
        """The next record, if it lies at `limit` at most."""
        while self._place == len(self._batch):
            batch = next(self._batches, None)
            if batch is None:
                return None
            self._batch, self._place = batch, 0
        record = self._batch[self._place]
        if limit is not None and record.offset > limit:
            return None
        self._place += 1
        if (expected := max(self.passed + 1, self.start)) < record.offset:
            self.holes.append((expected, record.offset - 1))
        self.passed = record.offset
        return record


class IntakeCheck:
    """`expired` counts entries whose intake record is gone, so that only the ledger tells what came in."""

    def __init__(self, source: Source, partition: int, findings: Findings) -> None:
        self.expired = 0
        self._partition = partition
        self._findings = findings
        self._cursors = [_Cursor(source, topic, partition) for topic in INTAKE_TOPICS]

    def causes(self, links: Sequence[Link]) -> list[Record | None]:
        """The intake record of each entry, compared with it; None where it is gone or does not fit."""
        return [self._cause(record, entry) for record, entry in links]

    def rest(self) -> Iterator[tuple[int, Record]]:
        """Records not decided yet, with the place of their topic, log by log. Then all logs have been read."""
        for topic, cursor in enumerate(self._cursors):
            while (record := cursor.next()) is not None:
                yield topic, record
            if topic != MARKED:
                self._tell_holes(INTAKE_TOPICS[topic], cursor.holes)

    def _tell_holes(self, topic: str, holes: list[tuple[int, int]]) -> None:
        for first, last in holes:
            found = f"none at offsets {first} to {last}"
            self._findings.add(
                Finding(
                    Kind.HOLE, self._partition, None, None, "", f"a record of {topic} at each offset", found
                )
            )

    def _cause(self, record: Record, entry: EntryView) -> Record | None:
        cursor = self._cursors[entry.topic]
        offset = int(entry.offset)
        if offset < cursor.start:
            self.expired += 1
            return None
        if offset <= cursor.passed:
            return None  # decided twice: the chain's own finding
        skipped: list[Record] = []
        cause = cursor.take(offset, skipped)
        if cause is None and offset < cursor.start:
            self.expired += 1  # just now
            return None
        topic = INTAKE_TOPICS[entry.topic]
        if skipped:
            places = f"{topic} offset {skipped[0].offset}"
            if len(skipped) > 1:
                places = (
                    f"{len(skipped)} records of {topic}, offsets {skipped[0].offset} to {skipped[-1].offset}"
                )
            self._report(
                Kind.CAUSE_MISSING, record, entry, "offset", "an entry for each", f"none for {places}"
            )
        if cause is None:
            self._report(Kind.CAUSE_UNKNOWN, record, entry, "offset", f"a record of {topic}", str(offset))
            return None
        return cause if self._equal(record, entry, cause) else None

    def _equal(self, record: Record, entry: EntryView, cause: Record) -> bool:
        if cause.timestamp != entry.received_at:
            self._report(
                Kind.INTAKE, record, entry, "received_at", str(cause.timestamp), str(entry.received_at)
            )
        if not cause.by_broker:
            self._report(Kind.INTAKE, record, entry, "received_at", "the broker's time", "the sender's")
        if cause.key != record.key:
            self._report(
                Kind.INTAKE,
                record,
                entry,
                "key",
                cause.key.decode(errors="replace"),
                record.key.decode(errors="replace"),
            )
        value = cause.value or b""
        if entry.kind == RECORD_INPUT:
            if value == entry.input:
                return True
            for field in changed_fields(value, entry.input):
                name = f"input.{field}" if field else "input"
                self._report(Kind.INTAKE, record, entry, name, _digest(value), _digest(entry.input))
            return False
        if entry.kind == REPEAT_INPUT:
            return self._repeats(record, entry, value)
        if sha256(value).digest() != entry.hash:
            self._report(Kind.INTAKE, record, entry, "input.hash", _digest(value), entry.hash.hex())
            return False
        if len(value) != entry.length:
            self._report(Kind.INTAKE, record, entry, "input.length", str(len(value)), str(entry.length))
            return False
        return True

    def _repeats(self, record: Record, entry: EntryView, value: bytes) -> bool:
        try:
            command = read_command(value)
        except WireError:
            self._report(Kind.INTAKE, record, entry, "input", "what came in, which is no record", "a repeat")
            return False
        if command.event_id != entry.event_id:
            self._report(
                Kind.INTAKE, record, entry, "input.event_id", command.event_id.hex(), entry.event_id.hex()
            )
            return False
        if command.content != entry.content:
            self._report(
                Kind.INTAKE, record, entry, "input.content", command.content.hex(), entry.content.hex()
            )
            return False
        return True

    def _report(
        self, kind: Kind, record: Record, entry: EntryView, field: str, expected: str, found: str
    ) -> None:
        self._findings.add(
            Finding(kind, self._partition, int(entry.seq), record.offset, field, expected, found)
        )


def _digest(value: bytes) -> str:
    return f"sha256 {sha256(value).hexdigest()}"
