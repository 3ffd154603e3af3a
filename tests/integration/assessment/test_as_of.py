"""Whatever comes later, an answer as of a position is the one that was given when that position was the present."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from natalog.assessment import query
from natalog.assessment.as_json import as_json
from natalog.assessment.facts import Level
from natalog.assessment.period import Period
from natalog.assessment.position import Asked
from natalog.assessment.report import report
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.assessment.planted import write
from tests.integration.views.ledgers import made_up

PERIODS = [Period.parse(text) for text in ("2026", "2026-09", "2026-09-21")]


def answers(url: str, at: str | None) -> tuple[str, list[bytes]]:
    """The position, and the assessment of every period as of it."""
    with query.opened(url) as connection:
        position = query.position_of(connection, None if at is None else Asked.parse(at))
        return position.text, [
            as_json(report(query.facts(connection, period, position), period, Level.STATION, position))
            for period in PERIODS
        ]


def cuts(ledger: MemoryLedger, chance: Random, count: int) -> list[dict[int, int]]:
    """Ends by partition, growing to the whole: partitions are folded at their own pace."""
    ways = {
        partition: sorted([0, len(log), *(int(chance.random() * (len(log) + 1)) for _ in range(count))])
        for partition, log in ledger.ledger.items()
    }
    return [{partition: way[step] for partition, way in ways.items()} for step in range(count + 2)]


@pytest.mark.parametrize("seed", range(3))
def test_later_entries_change_no_answer(database, seed):
    ledger = made_up(120, seed=seed + 1)
    steps = cuts(ledger, Random(seed), 12)
    given = {}
    for before, after in pairwise(steps):
        write(database, ledger, before, after)
        at, found = answers(database, None)
        given[at] = found
    assert len({tuple(found) for found in given.values()}) > 10
    for at, found in given.items():
        assert answers(database, at) == (at, found)
