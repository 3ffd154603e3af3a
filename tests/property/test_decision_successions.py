"""Successions come to rest on any exchange graph, in any order of delivery, and leave no phantom behind."""

from __future__ import annotations

from collections import defaultdict, deque
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from natalog.decision.packing import unpack
from natalog.decision.rules import NEWEST
from natalog.decision.state import NumberState
from natalog.decision.successions import handed_on
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch
from natalog.wire.codec import encode
from natalog.wire.partition import partition_of
from natalog.wire.topics import INTAKE_TOPICS
from tests.unit.decision.telling import Step, approve_withdrawal, ask_withdrawal, backfill, reinstate, void

NUMBERS = [f"Z33{n:07}" for n in range(1, 7)]
REGISTRATIONS = ["R1", "R2", "R3"]
number, registration = st.sampled_from(NUMBERS), st.sampled_from(REGISTRATIONS)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("void"), number, number),
        st.tuples(st.just("void"), number, number),
        st.tuples(st.just("use"), number, registration),
        st.tuples(st.just("reinstate"), number, st.just("")),
        st.tuples(st.just("withdraw"), number, st.just("")),
    ),
    max_size=25,
)


class Network:
    """Twelve registrars that hear of each other only through records on their way.

    Two Successions from one number to another keep their order, as in a partition; all else may overtake.
    """

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.states: dict[bytes, bytes] = {}
        self.heads = [Head.genesis() for _ in range(12)]
        self.offset = 0
        self.on_the_way: dict[tuple[bytes, bytes], deque[bytes]] = defaultdict(deque)
        self.delivered = 0

    def tell(self, step: Step, topic: str) -> None:
        self._decide(step.record.certificate_number.encode(), encode(step.record), topic, step.at)

    def deliver(self, most: int) -> None:
        for _ in range(most):
            routes = [route for route, waiting in self.on_the_way.items() if waiting]
            if not routes:
                return
            route = routes[int(self.rng.random() * len(routes))]
            self.delivered += 1
            self._decide(route[1], self.on_the_way[route].popleft(), "certificate.invalidations", 0)

    def settle(self) -> None:
        before = self.delivered
        self.deliver(1000)
        assert self.delivered - before < 1000, "successions run for ever"

    def state(self, number: str) -> NumberState:
        packed = self.states.get(number.encode())
        return NumberState() if packed is None else unpack(packed)

    def _decide(self, key: bytes, value: bytes, topic: str, at: int) -> None:
        partition = partition_of(key, 12)
        self.offset += 1
        out = decide_batch(
            self.heads[partition],
            partition,
            [INTAKE_TOPICS.index(topic)],
            [self.offset],
            [at],
            [key],
            [value],
            self.states,
            NEWEST,
            lambda raw: raw,
        )
        self.heads[partition] = out.head
        self.states |= out.states
        for target, _, sent in out.successions:
            self.on_the_way[key, target].append(sent)

    def do(self, operation: tuple[str, str, str]) -> None:
        kind, on, what = operation
        if kind == "void":
            self.tell(void(on, by=what), "certificate.invalidations")
        elif kind == "reinstate":
            self.tell(reinstate(on), "certificate.invalidations")
        elif kind == "use":
            self.tell(backfill(what, on), "birth.backfill")
        else:
            self.withdraw(on)

    def withdraw(self, on: str) -> None:
        standing = self.state(on).stands()
        if standing is not None:
            name = f"ask {on} {self.offset}"
            for step in (
                ask_withdrawal(standing.registration_id, on, id=name),
                approve_withdrawal(name, standing.registration_id, on),
            ):
                self.tell(step, "birth.registrations")
            assert self.state(on).stands() is None


def is_at_rest(net: Network) -> None:
    """Every number knows of each predecessor what that hands on now, and of nobody else anything."""
    wanted: dict[str, dict[str, tuple[str, list[str]]]] = {on: {} for on in NUMBERS}
    for on in NUMBERS:
        handed = handed_on(net.state(on), on)
        if handed is not None and handed.target not in handed.chain:
            wanted[handed.target][on] = (handed.registration_id, list(handed.chain))
    for on in NUMBERS:
        known = {r.predecessor: (r.registration_id, list(r.chain)) for r in net.state(on).relations}
        assert known == wanted[on]
        for registration_id, chain in known.values():
            if registration_id:
                standing = net.state(chain[0]).stands()
                assert standing is not None, "a phantom: nothing stands where it is said to come from"
                assert standing.registration_id == registration_id


@settings(max_examples=250, deadline=None)
@given(OPERATIONS, st.integers(0, 2**32), st.lists(st.integers(0, 4), min_size=1, max_size=25))
def test_successions_come_to_rest_and_leave_no_phantom(operations, seed, pauses):
    net = Network(seed)
    for turn, operation in enumerate(operations):
        net.do(operation)
        net.deliver(pauses[turn % len(pauses)])
    net.settle()
    is_at_rest(net)
    assert net.delivered <= len(operations) * 20
    for on in NUMBERS:
        net.withdraw(on)
    net.settle()
    is_at_rest(net)
    for on in NUMBERS:
        assert net.state(on).inherited() is None
