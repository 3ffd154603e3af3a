"""The status view says of every number what the fold of the ledger by `decision/` says (I5)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from natalog.decision.packing import unpack
from natalog.gateway.status import WARNINGS, find
from natalog.ledger.follow import Stretch
from natalog.status.view import StatusView
from natalog.wire.topics import INTAKE_TOPICS
from tests import status_reference
from tests.property.decision_histories import DAY, NUMBERS, PARTITION, UNITS, Sent
from tests.property.test_decision_fold import HISTORIES, SPLITS, Ledger, cut, decided

ASKING = [*UNITS, "330000"]
ASIDE = "Z330009999"
CLOCKS = st.sampled_from([0, -1, 1, -5_000, 5_000, -60_000, -2 * 60 * 60_000, -30 * DAY])
"""How far the asking gateway's clock is off, in milliseconds: what was decided stays decided."""


def told(sent: list[Sent]) -> Ledger:
    """The history, and the successions it called for on its own numbers."""
    ledger = decided(sent)
    at, done = sent[-1].at, 0
    while done < len(ledger.successions):
        key, _, value = ledger.successions[done]
        done += 1
        if key.decode() in NUMBERS:
            at += 60_000
            topic = INTAKE_TOPICS.index("certificate.invalidations")
            ledger.decide([Sent(None, topic, key, value, at)])
    return ledger


def stretches(entries, sizes, start=0):
    at = start
    for piece in cut(entries[start:], sizes):
        offsets = list(range(at, at + len(piece)))
        at += len(piece)
        yield Stretch(PARTITION, offsets, [k for k, _ in piece], [v for _, v in piece], at)


def statuses(view: StatusView, at: int):
    found, _ = view.find([*NUMBERS, ASIDE])
    return [
        find(number, detail, at, unit)
        for number, detail in zip([*NUMBERS, ASIDE], found, strict=True)
        for unit in ASKING
    ]


def expected(states: dict[bytes, bytes], at: int):
    full = {number: states.get(number.encode()) for number in [*NUMBERS, ASIDE]}
    return [
        status_reference.find(number, None if packed is None else unpack(packed), at, unit)
        for number, packed in full.items()
        for unit in ASKING
    ]


@settings(max_examples=80, deadline=None)
@given(HISTORIES, SPLITS, st.sampled_from([0, 1, 119, 120, 121, 3 * 24 * 60]), CLOCKS, st.data())
def test_the_view_equals_the_fold(sent, sizes, minutes, off, data):
    ledger = told(sent)
    at = max(s.at for s in sent) + minutes * 60_000
    with tempfile.TemporaryDirectory() as directory:
        view = StatusView(Path(directory), 12)
        gathering = data.draw(st.booleans())
        if gathering:
            view.gather()
        assert view.load("ledger") == ""
        for stretch in stretches(ledger.entries, sizes):
            assert view.apply(stretch).void == []
            if data.draw(st.booleans()):
                view.snapshot()
            if gathering and data.draw(st.booleans()):
                gathering = False
                view.settle()
        assert statuses(view, at + DAY) == expected(ledger.states, at + DAY)
        assert statuses(view, at + off) == expected(ledger.states, at + off)
        answers = statuses(view, at)
        assert {code for answer in answers for code in answer.warnings} <= {code.code for code in WARNINGS}
        if not ledger.successions:  # their entries came later than the history
            assert answers == expected(ledger.states, at)
        view.close()
        again = StatusView(Path(directory), 12)
        assert again.load("ledger") == ""
        assert statuses(again, at) == answers
        assert again.tails[PARTITION].head.prev == ledger.head.prev
        assert sorted(again.places(sent[0].record.event_id.bytes, PARTITION))[0][0] == PARTITION
        again.close()


@settings(max_examples=40, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_a_view_may_be_closed_at_any_entry(sent, sizes, data):
    ledger = told(sent)
    at = max(s.at for s in sent) + DAY
    stop = data.draw(st.integers(0, len(ledger.entries)))
    with tempfile.TemporaryDirectory() as directory:
        view = StatusView(Path(directory), 12)
        view.load("ledger")
        for stretch in stretches(ledger.entries[:stop], sizes):
            view.apply(stretch)
        view.close()
        view = StatusView(Path(directory), 12)
        assert view.load("ledger") == ""
        for stretch in stretches(ledger.entries, sizes, max(0, view.tails[PARTITION].resume)):
            view.apply(stretch)
        assert statuses(view, at) == expected(ledger.states, at)
        view.close()
