"""The sample is the same however it is cut, and differs by seed."""

from __future__ import annotations

import itertools
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from natalog.sample import Population, filings

COUNT = 2_750


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**40),
    st.lists(st.integers(0, COUNT), max_size=4),
    st.sampled_from([None, date(2026, 3, 4)]),
)
def test_any_split_gives_the_same(seed, cuts, day):
    population = Population(seed=seed, count=COUNT, day=day)
    whole = list(filings(population))
    bounds = [0, *sorted(cuts), COUNT]
    parts = [f for a, b in itertools.pairwise(bounds) for f in filings(population, a, b)]
    assert parts == whole


def test_seeds_differ():
    a, b = (list(filings(Population(seed=seed, count=50))) for seed in (1, 2))
    assert all(x["event_id"] != y["event_id"] for x, y in zip(a, b, strict=True))


def test_golden():
    """Other versions of Python must make the same: only random() and getrandbits() are drawn."""
    first = next(filings(Population(seed=1, count=100_000), 5, 6))
    assert first["event_id"] == "ca72fbd9-89bf-4e24-a1bc-1b81a84f0038"
    assert first["certificate_number"] == "M443427350"
    assert first["registered_at"] == "2012-01-05T10:36:16+08:00"
