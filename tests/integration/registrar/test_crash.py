"""Ended at any point of the loop, a registrar goes on where the ledger says, and nothing is lost or done twice."""

from __future__ import annotations

import resource
import signal
import time

import pytest

from natalog.exits import Exit
from natalog.registrar.pace import Pace
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import claim, filing, number, void
from tests.waiting import until

POINTS = [
    "take:after:2",
    "decide:before:3",
    "begin:after:2",
    "send:after:5",
    "offsets:after:2",
    "settle:before:2",
    "settle:after:3",
    "commit:before:2",
    "commit:after:2",
    "store:before:6",
]


def test_kill_at_ten_points_of_the_loop(bench: Bench) -> None:
    sent = 0
    for point in POINTS:
        numbers = [number() for _ in range(60)]
        sent += bench.sender.send([claim(n) for n in numbers])
        registrar = bench.registrar(at=point)
        # A batch needs the one before to be done: records must come after the start, too.
        while registrar.process.poll() is None:
            sent += bench.sender.send([filing(numbers.pop()) for _ in range(3)] if len(numbers) > 3 else [])
            sent += bench.sender.send([filing(number(), backfill=True) for _ in range(5)])
            time.sleep(0.05)
        assert registrar.wait_end(10) == -signal.SIGKILL
    bench.registrar().wait_ready()
    checked = bench.eventually(sent)
    assert not checked.void


def test_successions_survive_kill_around_the_commit(bench: Bench) -> None:
    sent = 0
    for point in ("settle:after:1", "commit:after:1"):
        old = [number() for _ in range(20)]
        registrar = bench.registrar()
        sent += bench.sender.send([filing(n) for n in old])
        bench.eventually(sent)
        registrar.kill()
        sent += bench.sender.send([void(n, replaced_by=number()) for n in old])
        assert bench.registrar(at=point).wait_end(60) == -signal.SIGKILL
        registrar = bench.registrar().wait_ready()
        sent += len(old)  # the successions
        bench.eventually(sent)
        registrar.kill()


def test_committed_offsets_are_those_of_the_batch(bench: Bench) -> None:
    """Under a backlog the next batch is in hand before one is committed; where the consumers stand is beyond both."""
    sent = bench.sender.send([filing(number()) for _ in range(10_000)])
    assert bench.registrar(at="commit:after:3").wait_end(60) == -signal.SIGKILL
    again = bench.registrar().wait_ready()
    assert not bench.eventually(sent).void
    assert again.metric("natalog_committed_offset_differs_total") == 0


@pytest.mark.parametrize("bound", [{"flush": "0.3"}, {"unflushed": "100"}])
def test_what_was_decided_is_on_disk_after_a_while(bench: Bench, bound: dict[str, str]) -> None:
    assert (Pace().flush, Pace().most_unflushed) == (30, 150_000)
    registrar = bench.registrar(**bound).wait_ready()
    sent = bench.sender.send([filing(number()) for _ in range(100)])
    bench.eventually(sent)
    registrar.wait_kept(sent, Pace().flush - 10)


def test_state_lost_is_folded_anew(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    numbers = [number() for _ in range(50)]
    bench.sender.send([filing(n) for n in numbers])
    bench.eventually(50)
    registrar.kill()
    bench.registrar(data="elsewhere").wait_ready()
    bench.sender.send([filing(n) for n in numbers])
    checked = bench.eventually(100)
    assert sum(entry.reason == "USED" for entry in checked.all()) == 50


def test_stopped_inside_a_transaction_and_resumed_after_its_time(bench: Bench) -> None:
    """SIGSTOP before the commit, resumed after the transaction timed out: fenced, nothing of its batch counts."""
    sent = bench.sender.send([filing(number()) for _ in range(300)])
    registrar = bench.registrar(at="commit:before:1", do="stop", session_ms=6_000, transaction_ms=2_000)
    registrar.wait_for(registrar.is_stopped, what="stopped")
    until(bench.no_transaction_is_open)  # brokers look for late ones every ten seconds
    registrar.signal(signal.SIGCONT)
    assert registrar.wait_end(60) == Exit.RESTART
    bench.registrar().wait_ready()
    checked = bench.eventually(sent)
    assert not checked.void


def test_stopped_while_another_takes_over(bench: Bench) -> None:
    """The same with a second registrar that takes the share over: it decides all, the first one ends."""
    sent = bench.sender.send([filing(number()) for _ in range(300)])
    first = bench.registrar("r1", at="commit:before:1", do="stop", session_ms=6_000, transaction_ms=4_000)
    first.wait_for(first.is_stopped, what="stopped")
    second = bench.registrar("r2")
    bench.eventually(sent, timeout=60)
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    first.signal(signal.SIGCONT)
    assert first.wait_end(60) == Exit.RESTART
    checked = bench.eventually(sent)
    assert not checked.void
    assert second.process.poll() is None


def test_stopped_between_transactions_while_another_takes_over(bench: Bench) -> None:
    """With records in hand and no transaction open, only the group can tell it that they are no longer its own."""
    sent = bench.sender.send([filing(number()) for _ in range(300)])
    first = bench.registrar("r1", at="take:after:1", do="stop", session_ms=6_000)
    first.wait_for(first.is_stopped, what="stopped")
    second = bench.registrar("r2")
    bench.eventually(sent, timeout=60)
    first.signal(signal.SIGCONT)
    # Its transaction is refused; it joins again like any member.
    second.wait_for(lambda: len(second.report()["deciding"]) == 6, what="sharing again")
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    assert not bench.eventually(sent).void
    assert first.process.poll() is None
    assert first.metric("natalog_registrar_batches_thrown_away_total", cause="refused") >= 1


def test_stopped_while_idle_and_another_takes_over(bench: Bench) -> None:
    """What the other wrote meanwhile is no foreign writing: the first one joins again."""
    first = bench.registrar("r1").wait_ready()
    sent = bench.sender.send([filing(number()) for _ in range(50)])
    bench.eventually(sent)
    first.signal(signal.SIGSTOP)
    second = bench.registrar("r2")
    second.wait_deciding(12)
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    bench.eventually(sent)
    first.signal(signal.SIGCONT)
    first.wait_deciding(6)
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    assert not bench.eventually(sent).void


def test_same_instance_twice(bench: Bench) -> None:
    """The second one fences the first, which stays down with its own code."""
    first = bench.registrar("r1").wait_ready()
    second = bench.registrar("r1", data="r1-again").wait_ready()
    sent = bench.sender.send([filing(number()) for _ in range(100)])
    assert first.wait_end(60) == Exit.FENCED
    assert not bench.eventually(sent).void
    assert second.process.poll() is None


def test_two_processes_on_one_directory(bench: Bench) -> None:
    first = bench.registrar("r1").wait_ready()
    assert bench.registrar("r1").wait_end(60) == Exit.ALREADY_RUNNING
    bench.sender.send([filing(number()) for _ in range(10)])
    bench.eventually(10)
    assert first.stop() == Exit.DONE


def test_a_disk_that_takes_no_more_ends_the_registrar_and_costs_nothing(bench: Bench) -> None:
    registrar = bench.registrar(flush="0.5").wait_ready()
    sent = bench.sender.send([filing(number(3)) for _ in range(20)])
    bench.eventually(sent)
    registrar.wait_kept(sent, 60)
    # As a full disk does, but for this process alone: its log is still below that, a state's file is not.
    resource.prlimit(registrar.process.pid, resource.RLIMIT_FSIZE, (60_000, 60_000))
    deadline = time.monotonic() + 60
    # The file is written in the background; the next records to decide find that out.
    while registrar.process.poll() is None and time.monotonic() < deadline:
        sent += bench.sender.send([filing(number(3)) for _ in range(500)])
        time.sleep(0.2)
    assert registrar.wait_end(10) == Exit.STORE_FAILED
    assert registrar.logged("File too large"), registrar.log()
    assert not registrar.logged("halted"), "no record is to blame"
    assert registrar.kept() >= 20, "what had come to disk stays there"
    bench.registrar().wait_ready()
    assert not bench.eventually(sent).void
