"""I1 and I2, judged by a model of their own that knows nothing of `decide` and `evolve`.

It reads only what entries say: who was accepted on which number, and what was freed by whom. If the rules ever let a
second registration stand, deciding again would let it stand again; this would not.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from dataclasses import dataclass

from natalog.decision import codes
from natalog.decision.commands import APPROVE, Command, Filing, Withdrawal
from natalog.replay.chain import Link
from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.source import Record
from natalog.replay.states import Table
from natalog.wire.hot import EntryView

_ID = 24  # bytes kept of a submission: its event id and the start of its content's hash


@dataclass(slots=True)
class _Number:
    """What the model knows of one key."""

    submissions: bytes = b""
    standing: str | None = None
    standing_seq: int = -1
    was_freed: bool = False
    requests: tuple[tuple[bytes, str, str], ...] = ()
    """Event id, person, registration."""
    approved: tuple[tuple[bytes, str], ...] = ()
    """Request and registration: approving the same once more is no fuss."""

    def pack(self) -> bytes:
        # The table is this process's own and ends with it, so the format need not outlive it.
        return marshal.dumps(
            (
                self.submissions,
                self.standing,
                self.standing_seq,
                self.was_freed,
                self.requests,
                self.approved,
            )
        )


class Model:
    """The model of one partition."""

    def __init__(self, partition: int, table: Table, findings: Findings) -> None:
        self._partition = partition
        self._table = table
        self._findings = findings

    def take(self, links: Sequence[Link], commands: Sequence[Command | None]) -> None:
        """Entries in order, each with the record it decided (None: it changes no number)."""
        known = self._table.among([link[0].key for link in links])
        live: dict[bytes, _Number] = {}
        for (record, entry), command in zip(links, commands, strict=True):
            if command is None:
                continue
            key = record.key
            number = live.get(key)
            if number is None:
                packed = known.get(key)
                number = live[key] = _Number() if packed is None else _Number(*marshal.loads(packed))
            self._submission(number, record, entry, command)
            if isinstance(command, Filing):
                self._filing(number, record, entry, command)
            elif isinstance(command, Withdrawal) and entry.verdict == codes.ACCEPTED:
                self._withdrawal(number, record, entry, command)
        self._table.put({key: number.pack() for key, number in live.items()})

    def _submission(self, number: _Number, record: Record, entry: EntryView, command: Command) -> None:
        """I2: no submission has a second entry that is not REPEATED."""
        submission = command.event_id + command.content[: _ID - 16]
        place = number.submissions.find(submission)
        while place > 0 and place % _ID:
            place = number.submissions.find(submission, place + 1)
        if place >= 0:
            verdict = codes.VERDICTS[entry.verdict]
            self._report(Kind.ONE_ENTRY, record, entry, "verdict", "REPEATED", verdict)
        else:
            number.submissions += submission

    def _filing(self, number: _Number, record: Record, entry: EntryView, filing: Filing) -> None:
        flagged = entry.flags & codes.WITHDRAWN_BEFORE != 0
        if flagged != number.was_freed:
            expected = "WITHDRAWN_BEFORE, for ever" if number.was_freed else "no WITHDRAWN_BEFORE"
            self._report(
                Kind.ONE_STANDS,
                record,
                entry,
                "flags",
                expected,
                ", ".join(codes.names(codes.FLAGS, entry.flags)) or "none",
            )
        if entry.verdict == codes.REFUSED:
            if entry.reason == codes.USED and entry.first != number.standing_seq:
                self._report(
                    Kind.ONE_STANDS, record, entry, "first", str(number.standing_seq), str(entry.first)
                )
            return
        if entry.flags & codes.AMENDMENT:
            if number.standing != filing.registration_id or entry.first != number.standing_seq:
                self._report(
                    Kind.ONE_STANDS,
                    record,
                    entry,
                    "flags",
                    "AMENDMENT of the registration that stands only",
                    "AMENDMENT of another",
                )
            return
        if number.standing is not None:
            self._report(
                Kind.ONE_STANDS,
                record,
                entry,
                "verdict",
                f"REFUSED: the registration of seq {number.standing_seq} stands",
                "ACCEPTED",
            )
        number.standing = filing.registration_id
        number.standing_seq = int(entry.seq)

    def _withdrawal(self, number: _Number, record: Record, entry: EntryView, withdrawal: Withdrawal) -> None:
        about = withdrawal.registration_id
        if withdrawal.action != APPROVE:
            if number.standing == about:
                number.requests += ((withdrawal.event_id, withdrawal.sub, about),)
            return
        request_id = withdrawal.request_id
        if request_id is not None and (request_id, about) in number.approved:
            return
        by_another = any(
            event_id == request_id and sub != withdrawal.sub and subject == about
            for event_id, sub, subject in number.requests
        )
        if request_id is None or number.standing != about or not by_another:
            self._report(
                Kind.ONE_STANDS,
                record,
                entry,
                "verdict",
                "REFUSED: no open request by another person about what stands",
                "ACCEPTED",
            )
        number.standing = None
        number.standing_seq = -1
        number.was_freed = True
        number.requests = tuple(r for r in number.requests if r[2] != about)
        if request_id is not None:
            number.approved += ((request_id, about),)

    def _report(
        self, kind: Kind, record: Record, entry: EntryView, field: str, expected: str, found: str
    ) -> None:
        self._findings.add(
            Finding(kind, self._partition, int(entry.seq), record.offset, field, expected, found)
        )
