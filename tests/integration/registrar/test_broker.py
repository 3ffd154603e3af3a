"""What a broker's end and return may do to a registrar."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from natalog.exits import Exit
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.process import RegistrarProcess
from tests.integration.registrar.records import filing, number

AWAY_BOUND = 45.0
"""Seconds after the broker is back until all is decided: a round of the loop that hangs (20), a new process, and what
a loaded machine needs. Nothing in it waits for Kafka to time a transaction out: the new process ends the old one's."""


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_broker_away(own_bench: Bench, how: str) -> None:
    """A registrar waits for its broker, or ends and is started again at once; never a wrong entry."""
    bench = own_bench
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number()) for _ in range(200)])
    stop = threading.Event()
    counts: list[int] = []

    def feed() -> None:
        while not stop.is_set():
            counts.append(bench.sender.send([filing(number()) for _ in range(20)]))
            time.sleep(0.02)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        time.sleep(1)
        if how == "kill":
            bench.broker.kill()
        bench.broker.restart()
        back = time.monotonic()
        time.sleep(2)
    finally:
        stop.set()
        feeder.join(60)
    sent += sum(counts)
    while bench.count() < sent:
        logs = "\n".join(process.log() for process in bench.processes)
        assert time.monotonic() < back + AWAY_BOUND, (
            f"not decided {AWAY_BOUND} s after the broker was back\n{logs}"
        )
        if (code := registrar.process.poll()) is not None:
            # librdkafka issue 5280: of a broker whose partitions have no leader yet it may die.
            assert code in (Exit.RESTART, -signal.SIGSEGV), logs
            registrar = bench.registrar()  # what a supervisor does
        time.sleep(0.2)
    assert not bench.eventually(sent).void


MARKER = 78
"""Bytes of a transaction's end in a log: one batch with one control record."""
MAIMED = [0, 5, 9]


def lose_markers(bench: Bench, away: float = 0.0) -> None:
    """Kill the broker, cut the last transaction's end off some partitions of the ledger and off the group's offsets,
    start the broker again after `away` seconds."""
    logs = bench.broker.directory / "log"
    deadline = time.monotonic() + 30
    while not (groups := [path for path in logs.glob("__consumer_offsets-*") if is_control(segment(path))]):
        # Each partition gets its own, and readers of the ledger need not wait for the group's.
        assert time.monotonic() < deadline
        time.sleep(0.05)
    bench.broker.kill()
    for path in [*(logs / f"ledger-{partition}" for partition in MAIMED), *groups]:
        assert is_control(segment(path))
        os.truncate(segment(path), segment(path).stat().st_size - MARKER)
    time.sleep(away)
    bench.broker.restart()


def segment(log: Path) -> Path:
    """The only one of a log."""
    return log / f"{0:020}.log"


def is_control(path: Path) -> bool:
    """Whether a transaction's end is the last thing in a segment (record batch format, attributes bit 5)."""
    end = path.read_bytes()[-MARKER:]
    return len(end) == MARKER and bool(int.from_bytes(end[21:23], "big") & 1 << 5)


def test_takeover_of_a_transaction_without_its_end(own_bench: Bench) -> None:
    """Kafka counts it as committed, but nobody will ever see it: our next process ends it and decides anew."""
    bench = own_bench
    registrar = bench.registrar()
    sent = bench.sender.send([filing(number()) for _ in range(300)])
    bench.eventually(sent)
    registrar.kill()
    lose_markers(bench)
    registrar = bench.registrar()
    registrar.wait_deciding(12)
    assert registrar.logged("an open transaction hides the ledger's end")
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    assert not bench.eventually(sent).void


@pytest.mark.parametrize("forgotten", [True, False])
def test_markers_lost_under_a_living_registrar(own_bench: Bench, forgotten: bool) -> None:
    """It notices without having to write there again."""
    bench = own_bench
    sent = 0
    for _ in range(5):
        registrar = bench.registrar(session_ms=6_000 if forgotten else 120_000)
        sent += bench.sender.send([filing(number()) for _ in range(300)])
        bench.eventually(sent)
        lose_markers(bench, away=6.0 if forgotten else 0.0)
        if sweeps(registrar):
            break
        bench.registrar().wait_ready().stop()  # what its end left open is not the next one's to notice
    registrar.wait_deciding(12)
    assert registrar.logged("revoked") == forgotten
    assert registrar.logged("ledger ends before our entries do") == (not forgotten)
    assert not bench.eventually(sent).void


def sweeps(registrar: RegistrarProcess) -> bool:
    """Until it has noticed; False when its client died of the broker's return before that (librdkafka issue 5280)."""
    try:
        registrar.wait_for(
            lambda: registrar.logged("an open transaction hides the ledger's end"), what="swept"
        )
    except AssertionError:
        if registrar.process.poll() != -signal.SIGSEGV:
            raise
        return False
    return True
