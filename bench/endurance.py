"""The registrar alone: live records during a backfill, kill -9, memory."""

from __future__ import annotations

import threading
import time

from bench.cluster import BACKFILL, INTAKE, LEDGER, Cluster
from bench.latency import Probe
from bench.preload import preload
from bench.processes import Registrar, resident_mib
from bench.report import Figures, Say
from bench.throughput import Progress
from bench.workload import Workload


def live_during_backfill(
    cluster: Cluster, registrar: Registrar, live: Workload, bulk: Workload, *, backlog: int, say: Say
) -> Figures:
    """Live latency at 100/s while a backlog on birth.backfill is worked off. Leaves the registrar running."""
    say(f"writing a backfill of {backlog:,} records")
    preload(cluster.bootstrap, BACKFILL, bulk.records(backlog))
    probe = Probe(cluster.bootstrap, LEDGER)
    progress = Progress(cluster.bootstrap, registrar.group, (BACKFILL,))
    over = threading.Event()
    base = progress.done()
    try:
        registrar.start()
        while (begun := progress.done()) < base + backlog * 0.05:
            _alive(registrar)
            time.sleep(0.05)
        say("live records at 100/s during the backfill")
        started = time.monotonic()

        def watch() -> None:
            while not over.is_set():
                if progress.done() >= base + backlog * 0.97:
                    over.set()
                time.sleep(0.1)

        watcher = threading.Thread(target=watch, name="watcher")
        watcher.start()
        try:
            found = probe.run(live.filings(6_000), 100, warm=0.5, stop=over, patience=30)
        finally:
            over.set()
            watcher.join()
        speed = (progress.done() - begun) / (time.monotonic() - started)
    finally:
        probe.close()
        progress.close()
    if found.lost or len(found.ms) < 100:
        raise RuntimeError(f"{len(found.ms)} live records seen during the backfill, {found.lost} lost")
    return {
        "live_p50_ms": round(found.at(0.5), 1),
        "live_p99_ms": round(found.at(0.99), 1),
        "live_max_ms": round(found.ms[-1], 1),
        "live_records": len(found.ms),
        "backfill_per_second_with_live": round(speed),
    }


def kill_and_return(
    cluster: Cluster, registrar: Registrar, workload: Workload, *, times: int, unflushed: int, say: Say
) -> Figures:
    """kill -9 under load, start again at once; seconds until the first entry of a record sent after the kill.

    `unflushed`: records decided just before each kill, so that there is a tail of the ledger to fold again.
    """
    probe = Probe(cluster.bootstrap, LEDGER)
    progress = Progress(cluster.bootstrap, registrar.group, (INTAKE,))
    took: list[float] = []
    try:
        registrar.wait_ready()
        for turn in range(times):
            say(f"kill -9, {turn + 1} of {times}")
            before = progress.done()
            preload(cluster.bootstrap, INTAKE, workload.records(unflushed))
            while progress.done() < before + unflushed:
                _alive(registrar)
                time.sleep(0.02)
            registrar.kill()
            killed = time.perf_counter()
            registrar.start()
            found = probe.run(workload.filings(1), 1_000, warm=0, patience=60)
            if found.lost:
                raise RuntimeError("no decision after kill -9:\n" + registrar.log())
            took.append(time.perf_counter() - killed)
            registrar.wait_ready()
    finally:
        probe.close()
        progress.close()
    return {
        "kill_to_decision_s": round(max(took), 2),
        "kill_to_decision_all_s": [round(t, 2) for t in took],
        "registrar_rss_mib": round(resident_mib(registrar.pid)),
        "registrar_rss_peak_mib": round(resident_mib(registrar.pid, "VmHWM")),
    }


def _alive(registrar: Registrar) -> None:
    if registrar.has_ended():
        raise RuntimeError("the registrar ended:\n" + registrar.log())
