"""Given / When / Then over real bytes: every record is encoded, read by the hot reader, decided and folded.

    given(filing("R1")).when(filing("R2")).then_refused("USED", "CONTESTED", first=0)

`first` counts the records told so far, `first_sent` the Successions the registrar sent. What is not said is not
there: an entry with one flag, doubt or `first` more than the test names fails. Besides, every step is decided
twice, decided and evolved by the pure functions, and folded from its entry: all must agree.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import Any

from natalog import events
from natalog.decision.decide import decide, evolve
from natalog.decision.packing import pack, unpack
from natalog.decision.rules import NEWEST, RuleSet
from natalog.decision.state import NumberState
from natalog.ledger.head import Head
from natalog.ledger.step import command_of, decide_batch, decision_of, extends, fold_batch
from natalog.wire.codec import decode, encode
from natalog.wire.hot import read_command
from natalog.wire.partition import key_of, partition_of
from natalog.wire.topics import INTAKE_TOPICS
from tests.unit.decision.telling import NUMBER, T0, Step

VOID = ("VOID_CERTIFICATE",)
_ALLOWED_WHEN_REFUSED = set(
    "FILED_LATE CLOCK_SKEW BACKDATED NOT_TIMEABLE UNCHECKED CLAIM_EXPIRED WITHDRAWN_BEFORE "
    "REGISTERED_BEFORE_LISTING CONTESTED".split()
)
_TOPIC = {
    events.BlacklistChange: "blacklist.changes",
    events.Invalidation: "certificate.invalidations",
    events.Succession: "certificate.invalidations",
    events.FilingOverdue: "sla.alerts",
}


class World:
    """A ledger of twelve partitions in memory, and its folds."""

    def __init__(self, rules: RuleSet = NEWEST) -> None:
        self.rules = rules
        self.heads = [Head.genesis() for _ in range(12)]
        self.offsets = dict.fromkeys(itertools.product(range(12), range(len(INTAKE_TOPICS))), 0)
        self.states: dict[bytes, bytes] = {}
        self.told: list[events.Entry] = []  # of the records the test tells
        self.sent: list[tuple[events.Succession, events.Entry]] = []  # what the registrar sent, as decided

    def when(self, step: Step, **lies: Any) -> Then:
        entry = self.take(step, **lies)
        self.told.append(entry)
        return Then(self, entry)

    def take(self, step: Step, *, topic: str | None = None, **lies: Any) -> events.Entry:
        """Decides a record and, until all is quiet, the Successions it calls for. `lies`: another key, partition."""
        entry, waiting = self._one(step.record, step.at, topic, **lies)
        queue = deque(waiting)
        while queue:
            assert len(self.sent) < 10_000, "successions run for ever"
            record = queue.popleft()
            decided, more = self._one(record, step.at, None)
            self.sent.append((record, decided))
            queue.extend(more)
        return entry

    def state(self, number: str = NUMBER) -> Any:
        packed = self.states.get(number.encode())
        return NumberState() if packed is None else unpack(packed)

    def registrations_on(self, *numbers: str) -> list[str]:
        """What each number's successor side knows: the registration that reaches it from a predecessor."""
        found = [self.state(number).inherited() for number in numbers]
        return ["" if relation is None else relation.registration_id for relation in found]

    def _one(
        self, record: Any, at: int, topic: str | None, key: bytes | None = None, partition: int | None = None
    ) -> tuple[events.Entry, list[Any]]:
        place = INTAKE_TOPICS.index(topic or _TOPIC.get(type(record), "birth.registrations"))
        key = key_of(record) if key is None else key
        partition = partition_of(key, 12) if partition is None else partition
        offset = self.offsets[partition, place]
        self.offsets[partition, place] += 1
        head, value = self.heads[partition], encode(record)
        batch: tuple[Any, ...] = (
            [place],
            [offset],
            [at],
            [key],
            [value],
            self.states,
            self.rules,
            lambda raw: raw,
        )
        out = decide_batch(head, partition, *batch)
        again = decide_batch(head, partition, *batch)
        assert (out.entries, out.states, out.successions) == (again.entries, again.states, again.successions)
        ((_, made),) = out.entries
        folded = fold_batch(head, partition, [head.offset], [key], [made], self.states)
        assert folded.states == out.states
        assert not folded.void
        assert (folded.head.seq, folded.head.prev) == (out.head.seq, out.head.prev)
        self._agrees_with_the_pure_functions(value, at, key, made, head, out.states)
        self.states = {**self.states, **out.states}
        self.heads[partition] = folded.head
        entry = decode(made)
        assert isinstance(entry, events.Entry)
        _lawful(record, entry)
        return entry, [decode(sent) for _, _, sent in out.successions]

    def _agrees_with_the_pure_functions(
        self, value: bytes, at: int, key: bytes, made: bytes, head: Head, states: dict[bytes, bytes]
    ) -> None:
        view = extends(head, key, made)
        assert view is not None
        folds = command_of(view)
        if folds is None:
            return
        packed = self.states.get(key)
        before = NumberState() if packed is None else unpack(packed)
        command = read_command(value)
        decision = decide(before, command, at, self.rules)
        said = decision_of(view)
        for name in ("verdict", "reason", "flags", "doubts", "first", "delay_ms", "claim_expires_at"):
            assert getattr(decision, name) == getattr(said, name), name
        assert pack(evolve(before, command, decision, head.seq, at)) == states[key]
        assert packed is None or pack(before) == packed


def _lawful(record: Any, entry: events.Entry) -> None:
    """What DESIGN says of every entry."""
    if not isinstance(record, events.Filing):
        assert entry.doubts == ()
        assert entry.delay_ms is None
    elif entry.verdict == "REFUSED":
        assert set(entry.flags) <= _ALLOWED_WHEN_REFUSED
        void = entry.reason in ("BLACKLISTED", "INVALIDATED", "SUCCEEDS_USED")
        assert entry.doubts == (VOID if void else ())
    assert (entry.reason is not None) == (entry.verdict == "REFUSED")


@dataclass
class Then:
    """What came of the record just told."""

    world: World
    entry: events.Entry

    def then_accepted(self, *flags: str, **said: Any) -> World:
        return self._is("ACCEPTED", None, flags, **said)

    def then_refused(self, reason: str, *flags: str, **said: Any) -> World:
        return self._is("REFUSED", reason, flags, **said)

    def then_repeated(self, *, first: int) -> World:
        return self._is("REPEATED", None, (), first=first)

    def _is(
        self,
        verdict: str,
        reason: str | None,
        flags: tuple[str, ...],
        *,
        doubts: Any = (),
        first: int | None = None,
        first_sent: int | None = None,
        delay: int | None = -1,
        expires: int | None = -1,
    ) -> World:
        entry = self.entry
        cited = None if first is None else self.world.told[first]
        if first_sent is not None:
            cited = self.world.sent[first_sent][1]
        wanted = {doubts} if isinstance(doubts, str) else set(doubts)
        found = (str(entry.verdict), entry.reason, set(entry.flags), set(entry.doubts), entry.first)
        assert found == (verdict, reason, set(flags), wanted, None if cited is None else cited.seq)
        if delay != -1:
            assert entry.delay_ms == delay
        if expires != -1:
            assert entry.claim_expires_at == (None if expires is None else T0 + expires)
        return self.world


def given(*steps: Step, rules: RuleSet = NEWEST) -> World:
    """A ledger on which these records were decided, whatever the verdicts."""
    world = World(rules)
    for step in steps:
        world.when(step)
    return world
