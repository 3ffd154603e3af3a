"""Successions cross partitions: what entries call for on one, and what came in on another, must be the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

from natalog.decision.commands import Succession
from natalog.decision.successions import uuid5
from natalog.ledger.step import PARTITIONS
from natalog.replay.chain import Link
from natalog.replay.differences import changed_fields
from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.source import Record
from natalog.wire.errors import WireError
from natalog.wire.hot import EntryView, read_command
from natalog.wire.partition import partition_of


@dataclass(frozen=True, slots=True)
class _Call:
    """An entry calls for a Succession."""

    partition: int
    seq: int
    offset: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A Succession was decided."""

    seq: int
    offset: int
    key: bytes
    value: bytes
    stems_from: str | None
    """Number whose entry calls for it, as it says itself."""


_Place = tuple[int, bytes]
"""Target partition and event id."""


class Successions:
    """Collects both sides over all partitions; `settle` compares them at the end."""

    def __init__(self, findings: Findings) -> None:
        self.pending = 0
        """Called for and on the intake, but not decided when the audit began."""
        self.unchecked = 0
        """Not compared, as the other side lies on a partition that was not audited."""
        self._findings = findings
        self._calls: dict[_Place, _Call] = {}
        self._arrivals: dict[_Place, _Arrival] = {}
        self._waiting: dict[_Place, bytes] = {}

    def called_for(
        self, partition: int, run: Sequence[Link], sent: Sequence[tuple[bytes, int, bytes]]
    ) -> None:
        """What deciding `run` again sends: key, partition, value."""
        for key, target, value in sent:
            command = read_command(value)
            assert isinstance(command, Succession)
            record, entry = _sender(run, command, key.decode())
            call = _Call(partition, int(entry.seq), record.offset, key, value)
            self._calls[target, command.event_id] = call

    def arrived(self, partition: int, record: Record, entry: EntryView, succession: Succession) -> None:
        """A Succession that an entry decided."""
        origin = succession.predecessor or succession.contested_by
        self._arrivals[partition, succession.event_id] = _Arrival(
            int(entry.seq), record.offset, record.key, entry.input, origin
        )

    def waits(self, partition: int, record: Record) -> None:
        """A record of the Successions' topic that has no entry yet."""
        try:
            command = read_command(record.value)
        except WireError:
            return
        if isinstance(command, Succession) and record.value is not None:
            self._waiting[partition, command.event_id] = record.value

    def settle(self, partitions: Collection[int], settled: dict[int, int]) -> None:
        """Compare, when all `partitions` have been read. `settled`: see source.Source."""
        for place, call in self._calls.items():
            if place[0] not in partitions:
                self.unchecked += 1
                continue
            arrival = self._arrivals.get(place)
            if arrival is not None:
                if arrival.value != call.value:
                    self._differs(place[0], arrival, call)
            elif self._waiting.get(place) == call.value:
                self.pending += 1
            else:
                self._findings.add(
                    Finding(
                        Kind.SUCCESSION_UNSENT,
                        call.partition,
                        call.seq,
                        call.offset,
                        "input",
                        f"a Succession to {call.key.decode(errors='replace')}, partition {place[0]}",
                        "other bytes, undecided" if place in self._waiting else "none",
                    )
                )
        for place, arrival in self._arrivals.items():
            if place in self._calls or arrival.offset >= settled.get(place[0], 0):
                continue
            origin = arrival.stems_from
            if origin is not None and int(partition_of(origin.encode(), PARTITIONS)) not in partitions:
                self.unchecked += 1
                continue
            self._findings.add(
                Finding(
                    Kind.SUCCESSION_FORGED,
                    place[0],
                    arrival.seq,
                    arrival.offset,
                    "input.event_id",
                    "a Succession that some entry calls for",
                    f"{place[1].hex()}, from {origin}",
                )
            )

    def _differs(self, partition: int, arrival: _Arrival, call: _Call) -> None:
        for field in changed_fields(call.value, arrival.value):
            self._findings.add(
                Finding(
                    Kind.SUCCESSION_DIFFERS,
                    partition,
                    arrival.seq,
                    arrival.offset,
                    f"input.{field}" if field else "input",
                    f"sha256 {sha256(call.value).hexdigest()}",
                    f"sha256 {sha256(arrival.value).hexdigest()}",
                    f"called for by partition {call.partition}, seq {call.seq}",
                )
            )


def _sender(run: Sequence[Link], succession: Succession, target: str) -> Link:
    """The entry of `run` that calls for it: the event ids tell."""
    origin = (succession.predecessor or succession.contested_by or "").encode()
    for record, entry in run:
        if record.key != origin or not entry.input:
            continue
        if uuid5(read_command(entry.input).event_id, target) == succession.event_id:
            return record, entry
    return run[0]
