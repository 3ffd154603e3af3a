"""A step back of the broker's clock is told for a while, the largest first."""

from __future__ import annotations

import dataclasses

from natalog.decision.rules import NEWEST
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch
from natalog.registrar.partition import REMEMBERED, ClockStep
from natalog.wire.codec import encode
from natalog.wire.topics import INTAKE_TOPICS
from tests.integration.registrar.records import claim, number


def test_the_largest_of_late_is_shown_and_then_forgotten():
    step = ClockStep()
    assert step.recent(1.0) == 0
    step.note(400.0, 10.0)
    step.note(350.0, 20.0)
    assert step.recent(30.0) == 400
    assert step.recent(10.0 + REMEMBERED) == 0
    step.note(310.0, 20.0 + REMEMBERED)
    assert step.recent(21.0 + REMEMBERED) == 310


def outcome_of(*times: int) -> int:
    """Milliseconds of the largest step when one number's records come at these broker times."""
    record = claim(number(3))
    records = [dataclasses.replace(record, event_id=type(record.event_id)(int=n)) for n in range(len(times))]
    outcome = decide_batch(
        Head.genesis(),
        3,
        [INTAKE_TOPICS.index("birth.registrations")] * len(times),
        list(range(len(times))),
        list(times),
        [record.certificate_number.encode()] * len(times),
        [encode(r) for r in records],
        {},
        NEWEST,
        lambda raw: raw,
    )
    return int(outcome.clock_step)


def test_only_steps_beyond_the_skew_count_and_the_largest_is_kept():
    start, skew = 1_800_000_000_000, int(NEWEST.skew_ms)
    assert outcome_of(start, start - skew, start) == 0
    assert outcome_of(start, start - skew - 1) == skew + 1
    assert outcome_of(start, start - 2 * skew, start - skew - 5, start + 1) == 2 * skew
