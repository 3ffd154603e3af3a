"""What one partition of birth.registrations leaves owed: a fold, by the same rules that the registrar decides by.

A completion opens an obligation, a filing of that registration or an accepted withdrawal closes it. Each record is
decided and applied to its key's state exactly as on the ledger, so whatever makes the ledger open none (a repeat, a
record under a foreign key, a code that is no exemption) makes the watch open none. Pure: no clock, no Kafka.

Not all history is here: a key whose last obligation was settled is remembered for a while and then forgotten, and a
restart begins at `needed_from`. A completion that comes later still than its filing may then be told as overdue; the
ledger, which forgets nothing, takes such an alert without the flag.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from natalog.decision import codes
from natalog.decision.commands import Claim, Release
from natalog.decision.decide import apply, decide
from natalog.decision.obligations import due_at
from natalog.decision.packing import pack, unpack
from natalog.decision.rules import RuleSet
from natalog.decision.state import NumberState
from natalog.ledger.step import demanded_key, is_misrouted
from natalog.wire.errors import UnknownFingerprint, Unreadable
from natalog.wire.hot import read_command
from natalog.wire.topics import INTAKE_TOPICS

TOPIC = "birth.registrations"
_PLACE = INTAKE_TOPICS.index(TOPIC)


@dataclass(frozen=True, slots=True)
class Obligation:
    """A filing that is owed. `due_at` in UTC milliseconds, `offset` of the record that opened it."""

    key: bytes
    number: str | None
    registration_id: str
    unit_code: str
    due_at: int
    offset: int


class Folded(Enum):
    """What became of a record."""

    TAKEN = "taken"
    UNREADABLE = "unreadable"
    """No record at all: skipped, as the registrar answers it with an UNREADABLE entry."""
    UNKNOWN_SCHEMA = "unknown schema"
    """A newer Natalog's: skipped, but `needed_from` stays at it, for the build that can read it."""
    UNDECIDABLE = "undecidable"
    """The rules fail on it: like UNKNOWN_SCHEMA, and the registrar halts at it."""


class _Kept:
    """One key: what its records said since `first`."""

    __slots__ = ("first", "last_at", "open", "state", "told")

    def __init__(self, first: int) -> None:
        self.first = first
        self.last_at = 0
        self.state = b""
        self.open: dict[str, Obligation] = {}
        self.told: frozenset[str] = frozenset()  # mostly empty, and then it costs nothing
        """Registrations among `open` whose alert is on its way for good."""

    @property
    def waits(self) -> bool:
        return len(self.open) > len(self.told)


class Obligations:
    """The fold of one partition. `remember_ms`: how long a key without open obligations is remembered."""

    def __init__(self, partition: int, rules: RuleSet, *, remember_ms: int) -> None:
        self._partition = partition
        self._rules = rules
        self._remember_ms = remember_ms
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        """In the order of `first`."""
        self._due: list[tuple[int, int, str, Obligation]] = []
        """A heap by due time; what has been closed meanwhile is passed over."""
        self._unreadable_yet: int | None = None
        self._open = 0

    def __len__(self) -> int:
        """Obligations open and not told."""
        return self._open

    def __iter__(self) -> Iterator[Obligation]:
        """Obligations open and not told."""
        for kept in self._kept.values():
            for registration_id, obligation in kept.open.items():
                if registration_id not in kept.told:
                    yield obligation

    def fold(self, offset: int, key: bytes, value: bytes | None, received_at: int) -> Folded:
        """Take the record at `offset`; `received_at` is the broker's time, UTC ms. Raises nothing."""
        try:
            self._take(offset, key, value, received_at)
        except UnknownFingerprint:
            return self._keep_place(offset, Folded.UNKNOWN_SCHEMA)
        except Unreadable:
            return Folded.UNREADABLE
        except Exception:
            # `decide` is total; should it fail all the same, the obligations of other numbers must still be watched.
            return self._keep_place(offset, Folded.UNDECIDABLE)
        return Folded.TAKEN

    def overdue(self, until: int, limit: int) -> list[Obligation]:
        """Up to `limit` obligations that were due by `until` (UTC ms), the oldest first; open until `settle`."""
        due: list[tuple[int, int, str, Obligation]] = []
        while self._due and self._due[0][0] <= until and len(due) < limit:
            place = heapq.heappop(self._due)
            if self._is_open(place[3]):
                due.append(place)
        for place in due:
            heapq.heappush(self._due, place)
        return [place[3] for place in due]

    def settle(self, obligation: Obligation) -> None:
        """The alert of `obligation` is on the broker: it is not told again."""
        if self._is_open(obligation):
            self._kept[obligation.key].told |= {obligation.registration_id}
            self._open -= 1

    def forget(self, now: int) -> None:
        """Drop what need not be remembered any more at `now`, the broker's time in UTC ms."""
        while self._kept:
            key, kept = next(iter(self._kept.items()))
            if kept.waits or kept.last_at + self._remember_ms >= now:
                return
            del self._kept[key]

    def needed_from(self, position: int) -> int:
        """The first offset that a new process has to read again, when the next one here is `position`."""
        oldest = next(iter(self._kept.values())).first if self._kept else position
        return oldest if self._unreadable_yet is None else min(oldest, self._unreadable_yet)

    def _take(self, offset: int, key: bytes, value: bytes | None, received_at: int) -> None:
        command = read_command(value)
        if isinstance(command, (Claim, Release)):
            return
        if is_misrouted(command, key, demanded_key(command), _PLACE, self._partition):
            return
        kept = self._kept.get(key)
        state = NumberState() if kept is None else unpack(kept.state)
        decision = decide(state, command, received_at, self._rules)
        if decision.verdict == codes.REPEATED:
            return
        apply(state, command, decision, offset, received_at)
        if kept is None:
            kept = self._kept[key] = _Kept(offset)
        kept.state = pack(state)
        kept.last_at = max(kept.last_at, received_at)
        self._compare(offset, key, command.number, kept, state)

    def _compare(self, offset: int, key: bytes, number: str | None, kept: _Kept, state: NumberState) -> None:
        """Make `kept.open` what `state` says is open."""
        for registration in state.registrations:
            name = registration.registration_id
            known = kept.open.get(name)
            if registration.due_from < 0:
                if known is not None:
                    del kept.open[name]
                    self._open -= name not in kept.told
                    kept.told -= {name}
                continue
            if known is None:
                due = int(due_at(registration.due_from, self._rules))
                new = Obligation(key, number, name, registration.unit_code, due, offset)
                kept.open[name] = new
                self._open += 1
                heapq.heappush(self._due, (due, offset, name, new))

    def _is_open(self, obligation: Obligation) -> bool:
        kept = self._kept.get(obligation.key)
        return (
            kept is not None
            and kept.open.get(obligation.registration_id) is obligation
            and obligation.registration_id not in kept.told
        )

    def _keep_place(self, offset: int, why: Folded) -> Folded:
        if self._unreadable_yet is None:
            self._unreadable_yet = offset
        return why
