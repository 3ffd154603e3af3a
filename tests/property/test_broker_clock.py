"""The broker's clock as watch and gateway see it: never ahead of it, close to it, whatever this host's clock says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from natalog.kafka.broker_clock import TOLERANCE_MS, BrokerClock

# (pause before, how long after the sample the record was appended, how long until it was read), ms
steps = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 700), st.integers(0, 700)), min_size=1)
offsets = st.integers(-(10**9), 10**13)


@given(offset=offsets, records=steps, wall=st.integers(0, 10**14))
def test_never_ahead_of_the_broker_and_within_the_delays(
    offset: int, records: list[tuple[int, int, int]], wall: int
) -> None:
    clock = BrokerClock()
    mono = 0
    for pause, until_appended, until_read in records:
        after = mono + pause
        appended = after + until_appended
        mono = appended + until_read
        assert clock.measure(appended + offset, after, mono) == 0
        assert clock.now(mono, wall) <= mono + offset
        assert mono + offset - clock.now(mono, wall) <= until_read
    assert clock.is_measured


@given(offset=offsets, step=st.integers(-(10**8), 10**8))
def test_follows_a_broker_whose_clock_is_set(offset: int, step: int) -> None:
    clock = BrokerClock()
    clock.measure(1_000 + offset, 900, 1_100)
    told = clock.measure(9_000 + offset + step, 8_900, 9_100)
    if abs(step) <= TOLERANCE_MS:
        assert told == 0
    if abs(step) > TOLERANCE_MS + 200:
        assert abs(told - step) <= 200
        assert clock.now(9_100, 0) == 9_100 + offset + step - 100


@given(offset=offsets, wall=st.integers(0, 10**13), age=st.integers(0, 10**9))
def test_before_a_measurement_the_host_counts_but_for_what_records_prove(
    offset: int, wall: int, age: int
) -> None:
    clock = BrokerClock()
    assert clock.now(50, wall) == wall
    clock.read(50 + offset - age, 50)
    assert clock.now(60, wall) == max(wall, 60 + offset - age)
    assert not clock.is_measured
