"""Several registrars: shares come and go in mid-batch, and topics are added while old builds still run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import ConsumerGroupState

from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import claim, filing, listing, number, overdue


class Load:
    """What was sent."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def load(bench: Bench) -> Iterator[Load]:
    """Records of all topics, without pause, while the block runs."""
    sent, stop = Load(), threading.Event()

    def feed() -> None:
        while not stop.is_set():
            numbers = [number() for _ in range(20)]
            sent.count += bench.sender.send([claim(n) for n in numbers])
            sent.count += bench.sender.send([listing(n) for n in numbers[:5]])
            sent.count += bench.sender.send([filing(number(), backfill=True) for _ in range(20)])
            sent.count += bench.sender.send([filing(n) for n in numbers])
            time.sleep(0.01)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield sent
    finally:
        stop.set()
        feeder.join(60)


def test_two_registrars_and_rebalances_in_mid_batch(bench: Bench) -> None:
    first = bench.registrar("r1").wait_ready()
    with load(bench) as sent:
        second = bench.registrar("r2").wait_ready()
        second.wait_deciding(6)
        third = bench.registrar("r3").wait_ready()
        third.wait_deciding(4)
        second.kill()
        third.wait_deciding(6)
        second = bench.registrar("r2").wait_ready()
        for process in (first, second, third):
            process.wait_for(process.decided, what="has decided")
    checked = bench.eventually(sent.count, timeout=60)
    assert not checked.void
    assert all(
        process.metric("natalog_committed_offset_differs_total") == 0 for process in (first, second, third)
    )


def test_rebalance_while_a_batch_is_being_filled(bench: Bench) -> None:
    """Its records may be somebody else's by then: nothing of it is tried, not even in vain."""
    first = bench.registrar("r1", at="poll:after:1", do="linger", heartbeat=BEAT).wait_ready()
    sent = bench.sender.send([filing(number(SECONDS_SHARE)) for _ in range(20)])
    first.wait_lingering("poll")
    second = bench.registrar("r2")
    wait_for_rebalance(bench)
    first.go_on("poll")
    second.wait_deciding(6)
    assert not bench.eventually(sent).void
    assert first.metric("natalog_registrar_batches_thrown_away_total") == 0
    first.wait_deciding(6)


def test_the_group_refuses_a_batch_of_an_earlier_generation(bench: Bench) -> None:
    """The last line: should a batch outlive a rebalance all the same, the metadata of its start gives it away."""
    first = bench.registrar(
        "r1", without="throw away,phase", at="poll:after:1,begin:before:1", do="linger", heartbeat=BEAT
    ).wait_ready()
    sent = bench.sender.send([filing(number(SECONDS_SHARE)) for _ in range(20)])
    first.wait_lingering("poll")
    second = bench.registrar("r2")
    wait_for_rebalance(bench)
    first.go_on("poll")
    first.wait_lingering("begin")
    bench.eventually(sent)
    first.go_on("begin")
    first.wait_for(lambda: first.metric("natalog_registrar_batches_thrown_away_total") == 1, what="refused")
    assert first.metric("natalog_registrar_batches_thrown_away_total", cause="refused") == 1
    for process in (first, second):
        process.wait_deciding(6)
    sent += bench.sender.send([filing(number(partition)) for partition in range(12)])
    assert not bench.eventually(sent).void


SECONDS_SHARE = 9
"""A partition the group gives to the second of two registrars."""
BEAT = "100"
"""Milliseconds between heartbeats of a member that is to hear of a rebalance while it lingers."""


def wait_for_rebalance(bench: Bench) -> None:
    """Until the group waits for its members to join anew, and a member that does not poll has heard so."""
    deadline = time.monotonic() + 60
    while (
        bench.admin.describe_consumer_groups([bench.group])[bench.group].result().state
        is not ConsumerGroupState.PREPARING_REBALANCING
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(2)  # many heartbeats


PATIENT = 60_000
"""Milliseconds within which a member that was killed must be back, at most."""


def test_a_restart_moves_no_share(bench: Bench) -> None:
    first, second = (bench.registrar(name, session_ms=PATIENT).wait_ready() for name in ("r1", "r2"))
    for process in (first, second):
        process.wait_deciding(6)
    first.kill()
    bench.registrar("r1", session_ms=PATIENT).wait_deciding(6)
    sent = bench.sender.send([filing(number(partition)) for partition in range(12)])
    assert not bench.eventually(sent).void
    assert not second.logged('"revoked"'), "a static member comes back to what it had"


def test_follower_takes_over_with_what_it_has_folded(bench: Bench) -> None:
    first = bench.registrar("r1").wait_ready()
    alone = sent = bench.sender.send([filing(number()) for _ in range(300)])
    bench.eventually(sent)
    second = bench.registrar("r2").wait_ready()
    second.wait_deciding(6)
    sent += bench.sender.send([filing(number()) for _ in range(600)])
    bench.eventually(sent)
    # Each holds half and has folded the other half.
    second.wait_for(lambda: second.metric("natalog_ledger_offset") >= sent, what="following")
    first.kill()
    assert first.kept() >= alone, "what was decided is on disk before a share goes"
    second.wait_deciding(12)
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    assert not bench.eventually(sent).void


def test_rolling_upgrade_that_adds_a_topic(bench: Bench) -> None:
    """An old build, which does not know sla.alerts, beside a new one: numbers stay aligned over all topics."""
    old = bench.registrar("r1", old="1").wait_ready()
    sent = bench.sender.send([record for _ in range(60) for record in (filing(number()), listing(number()))])
    bench.eventually(sent)
    new = bench.registrar("r2").wait_ready()
    for process in (old, new):
        process.wait_deciding(6)
    alerts = [overdue(number(partition)) for partition in range(12) for _ in range(3)]
    bench.sender.send(alerts)
    sent += bench.sender.send([filing(number(partition)) for partition in range(12) for _ in range(5)])
    held = old.report()["deciding"]
    assert set(held) | set(new.report()["deciding"]) == set(range(12))
    assert len(held) == 6
    checked = bench.eventually(
        sent + 18, undecided=lambda topic, partition: topic == "sla.alerts" and partition in held
    )
    assert not checked.void
    old.kill()
    bench.registrar("r1").wait_ready()
    assert not bench.eventually(sent + 36).void
