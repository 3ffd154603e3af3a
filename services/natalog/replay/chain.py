"""Follows one partition's chain (I4) and says where it breaks.

A record that does not extend the head may be a stranger's (every reader skips it) or the first after a break (an
entry altered, removed, swapped). Which one shows only later, so such records are held until one extends the head
after all, or enough of them chain among themselves: then the chain is taken up again there, and the rest of the
partition is audited instead of drowning in findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from natalog.ledger.head import Head
from natalog.ledger.step import advance, extends
from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.source import Record
from natalog.wire.errors import UnknownCode, UnknownFingerprint, Unreadable
from natalog.wire.hot import EntryView, read_entry
from natalog.wire.topics import INTAKE_TOPICS

Link = tuple[Record, EntryView]
"""A valid entry and the record it stands in."""

PATIENCE = 1000
"""Records held before a break is judged without waiting for the end."""


@dataclass(frozen=True, slots=True)
class _Held:
    record: Record
    view: EntryView | None
    opaque: UnknownFingerprint | UnknownCode | None

    @property
    def hash(self) -> bytes:
        return sha256(self.record.value or b"").digest()


class Chain:
    """`head` is where the chain stands; `void` counts records that are no part of it."""

    def __init__(self, partition: int, findings: Findings) -> None:
        self.head = Head.genesis()
        self.void = 0
        self.clouded: set[bytes] = set()
        """Keys with an entry that could not be read: what is decided on them cannot be judged."""
        self._partition = partition
        self._findings = findings
        self._pending: list[_Held] = []

    def feed(self, records: Sequence[Record]) -> list[Link]:
        """The valid entries that these records bring, in the chain's order."""
        out: list[Link] = []
        head = self.head
        for record in records:
            value = record.value
            entry = None
            if value is not None and not self._pending:
                try:
                    entry = extends(head, record.key, value)
                except (UnknownFingerprint, UnknownCode):
                    entry = None
            if entry is None or value is None:
                self._consider(record, out)
            else:
                advance(head, entry, value)
                out.append((record, entry))
        return out

    def end(self) -> list[Link]:
        """The valid entries among what is still held, when there is no more to come."""
        out: list[Link] = []
        while self._pending:
            self._resolve(out)
        return out

    def _consider(self, record: Record, out: list[Link]) -> None:
        held = _open(record)
        if self._follow(held, out):
            self._sift(out)
        elif held.view is not None and held.view.seq < self.head.seq:
            self._void(held)
        else:
            self._pending.append(held)
            if len(self._pending) > PATIENCE:
                self._resolve(out)

    def _follow(self, held: _Held, out: list[Link]) -> bool:
        """Advance over the record if it extends the head."""
        value = held.record.value
        if held.view is None or value is None:
            return False
        try:
            entry = extends(self.head, held.record.key, value)
        except (UnknownFingerprint, UnknownCode) as error:
            # The entry itself can be read, its input cannot: the chain goes on over it.
            self._report(Kind.UNKNOWN_FORMAT, held, "input", "a schema this build knows", str(error))
            self._skip(held, held.view)
            return True
        if entry is None:
            return False
        advance(self.head, entry, value)
        out.append((held.record, entry))
        return True

    def _sift(self, out: list[Link]) -> None:
        """The head has moved: judge what was held before."""
        moved = True
        while moved:
            moved = False
            for held in list(self._pending):
                if held.view is None or held.view.seq < self.head.seq:
                    self._pending.remove(held)
                    self._void(held)
                elif self._follow(held, out):
                    self._pending.remove(held)
                    self._report(
                        Kind.ORDER, held, "seq", "in the order of the log", "before the one it follows"
                    )
                    moved = True

    def _resolve(self, out: list[Link]) -> None:
        """Nothing that came extends the head. Take the chain up again where records chain among themselves."""
        pending, self._pending = self._pending, []
        start = _first_chained(pending)
        for held in pending if start is None else pending[:start]:
            self._void(held)
        if start is None:
            return
        held, after = pending[start], pending[start + 1].view
        view = held.view
        if view is None:
            assert after is not None
            self._report(Kind.UNKNOWN_FORMAT, held, "", "a schema this build knows", str(held.opaque))
            if after.seq != self.head.seq + 1:
                self._report(Kind.CHAIN, held, "seq", str(self.head.seq), str(after.seq - 1))
            self.clouded.add(held.record.key)
            self.head.seq, self.head.prev = after.seq, after.prev
        else:
            self._report(Kind.CHAIN, held, *self._why(held), detail=self._consequence(view))
            self.head.seq, self.head.prev = view.seq, view.prev
            self.head.causes[view.topic] = min(self.head.causes[view.topic], int(view.offset) - 1)
            if not self._follow(held, out):
                self._skip(held, view)
        out.extend(self.feed([later.record for later in pending[start + 1 :]]))

    def _skip(self, held: _Held, view: EntryView) -> None:
        self.clouded.add(held.record.key)
        self.head.seq, self.head.prev = view.seq + 1, held.hash
        self.head.causes[view.topic] = max(self.head.causes[view.topic], int(view.offset))

    def _void(self, held: _Held) -> None:
        self.void += 1
        if held.opaque is not None:
            self._report(Kind.UNKNOWN_FORMAT, held, "", "a schema this build knows", str(held.opaque))
        else:
            self._report(Kind.VOID, held, *self._why(held))

    def _why(self, held: _Held) -> tuple[str, str, str]:
        """Field, expected, found."""
        view, head = held.view, self.head
        if view is None:
            return "value", "an entry", f"{len(held.record.value or b'')} bytes that are none"
        if view.seq != head.seq:
            return "seq", str(head.seq), str(view.seq)
        if view.prev != head.prev:
            return "prev", head.prev.hex(), view.prev.hex()
        last = head.causes[view.topic]
        if view.offset <= last:
            topic = INTAKE_TOPICS[view.topic]
            return "offset", f"beyond {last}, the last cause on {topic}", str(view.offset)
        return "key", "the key its content demands", held.record.key.decode(errors="replace")

    def _consequence(self, view: EntryView) -> str:
        if view.seq > self.head.seq:
            return f"{view.seq - self.head.seq} missing; what follows was decided with them"
        if view.seq == self.head.seq and view.prev != self.head.prev:
            return f"the entry before, seq {view.seq - 1}, is not the one this was written after"
        return "later findings here may follow from this one"

    def _report(
        self, kind: Kind, held: _Held, field: str, expected: str, found: str, *, detail: str = ""
    ) -> None:
        seq = None if held.view is None else int(held.view.seq)
        self._findings.add(
            Finding(kind, self._partition, seq, held.record.offset, field, expected, found, detail)
        )


def _open(record: Record) -> _Held:
    try:
        return _Held(record, read_entry(record.value), None)
    except (UnknownFingerprint, UnknownCode) as error:
        return _Held(record, None, error)
    except Unreadable:
        return _Held(record, None, None)


def _first_chained(pending: list[_Held]) -> int | None:
    """The first record that the next one follows."""
    for place in range(len(pending) - 1):
        held, after = pending[place], pending[place + 1].view
        if after is None or after.prev != held.hash:
            continue
        if held.opaque is not None if held.view is None else after.seq == held.view.seq + 1:
            return place
    return None
