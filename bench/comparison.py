"""Both programs over the same records on the same Kafka, one after the other, in turns."""

from __future__ import annotations

import time
from pathlib import Path

from bench.cluster import INTAKE, LEDGER, PEER_LEDGER, PEER_LIVE_LEDGER, Cluster
from bench.latency import Latencies, Probe
from bench.ledgers import read_ledger
from bench.preload import preload
from bench.processes import Peer, Registrar
from bench.report import Figures, Say
from bench.throughput import Progress, Rate, measure
from bench.workload import Workload

_BROKER_WARM = 30  # seconds
"""A broker that has just begun to take many small requests compiles them for about a minute, on the cores that all
share: p50 at 1,000/s falls from 60 to 15 ms meanwhile (docs/benchmarks.md, Rare stalls)."""


def compare_throughput(
    cluster: Cluster,
    registrar: Registrar,
    workload: Workload,
    directory: Path,
    *,
    warm: int,
    each: int,
    rounds: int,
    threads: int,
    codec: str,
    say: Say,
) -> Figures:
    """Decisions per second and per CPU-second, and whether both ledgers are the same. Raises RuntimeError if not.

    `warm` records first, over which the JIT compiles and nothing is measured; then rounds of `each`, of which either
    program goes first in turn. The first fifth of a round does not count either: starting and filling queues.
    """
    say(f"writing {warm:,} records to warm up with")
    preload(cluster.bootstrap, INTAKE, workload.records(warm))
    peer = Peer(
        cluster.bootstrap,
        directory,
        application="bench-streams",
        output=PEER_LEDGER,
        commit_ms=100,
        linger_ms=100,
        threads=threads,
        codec=codec,
    )
    progress = {p: Progress(cluster.bootstrap, p.group, (INTAKE,)) for p in (registrar, peer)}
    rates: dict[Registrar | Peer, list[Rate]] = {registrar: [], peer: []}
    broker = cluster.process.pid
    try:
        say("warming up Kafka Streams")
        peer.wait_ready()
        measure(peer, progress[peer], broker, start=0, end=warm)
        peer.pause()
        say("warming up the registrar")
        registrar.start()
        measure(registrar, progress[registrar], broker, start=0, end=warm)
        registrar.stop()
        done = warm
        for turn in range(rounds):
            say(f"round {turn + 1} of {rounds}: writing {each:,} records")
            preload(cluster.bootstrap, INTAKE, workload.records(each))
            time.sleep(1)
            order: list[Registrar | Peer] = [registrar, peer] if turn % 2 == 0 else [peer, registrar]
            for program in order:
                name = "Kafka Streams" if program is peer else "registrar"
                say(f"round {turn + 1} of {rounds}: {name}")
                if program is peer:
                    peer.resume()
                else:
                    registrar.start()
                rate = measure(program, progress[program], broker, start=done, end=done + each)
                rates[program].append(rate)
                say(f"  {name}: {rate.per_second:,.0f}/s, {rate.per_cpu_second:,.0f} per CPU-second")
                if program is peer:
                    peer.pause()
                else:
                    registrar.stop()
            done += each
    finally:
        peer.close()
        registrar.stop()
        for watched in progress.values():
            watched.close()
    ours, theirs = _sum(rates[registrar]), _sum(rates[peer])
    say("comparing the two ledgers byte by byte")
    figures = _same_ledgers(cluster, done)
    return {
        **figures,
        "registrar_vs_kafka_streams_cpu": round(ours.per_cpu_second / theirs.per_cpu_second, 2),
        "registrar_vs_kafka_streams_wall": round(ours.per_second / theirs.per_second, 2),
        "registrar_per_cpu_second": round(ours.per_cpu_second),
        "registrar_per_second": round(ours.per_second),
        "kafka_streams_per_cpu_second": round(theirs.per_cpu_second),
        "kafka_streams_per_second": round(theirs.per_second),
        "broker_us_per_decision": {
            "registrar": round(ours.broker_us, 1),
            "kafka_streams": round(theirs.broker_us, 1),
        },
        "rounds_cpu_ratio": [
            round(a.per_cpu_second / b.per_cpu_second, 2)
            for a, b in zip(rates[registrar], rates[peer], strict=True)
        ],
    }


def _sum(rates: list[Rate]) -> Rate:
    total = rates[0]
    for rate in rates[1:]:
        total = total + rate
    return total


def _same_ledgers(cluster: Cluster, records: int) -> Figures:
    ours = read_ledger(cluster.bootstrap, LEDGER, explain=True)
    theirs = read_ledger(cluster.bootstrap, PEER_LEDGER)
    if ours.entries != records or theirs.entries != records:
        raise RuntimeError(f"{records} records became {ours.entries} and {theirs.entries} entries")
    different = [p for p, (a, b) in enumerate(zip(ours.digests, theirs.digests, strict=True)) if a != b]
    if different:
        raise RuntimeError(f"the ledgers differ in partitions {different}")
    return {"ledger_entries": records, "ledgers_equal": True, "outcomes": dict(ours.outcomes.most_common())}


def compare_latency(
    cluster: Cluster,
    registrar: Registrar,
    workload: Workload,
    directory: Path,
    *,
    seconds: float,
    threads: int,
    say: Say,
) -> Figures:
    """Submit→verdict of both at 100/s and at 1,000/s, in turns. Leaves the registrar stopped."""
    peer = Peer(
        cluster.bootstrap,
        directory,
        application="bench-streams-live",
        output=PEER_LIVE_LEDGER,
        commit_ms=10,
        linger_ms=0,
        offsets="latest",
        threads=threads,
    )
    probes: dict[str, Probe] = {}
    found: dict[tuple[str, int], Latencies] = {}
    try:
        peer.wait_ready()
        say("warming up Kafka Streams at a commit interval of 10 ms")
        preload(cluster.bootstrap, INTAKE, workload.records(60_000))
        registrar.start()
        registrar.wait_ready()
        probes = {
            "registrar": Probe(cluster.bootstrap, LEDGER),
            "kafka_streams": Probe(cluster.bootstrap, PEER_LIVE_LEDGER),
        }
        say("warming up Kafka with small requests: 1,000 records a second, both deciding them")
        probes["registrar"].run(workload.filings(_BROKER_WARM * 1_000), 1_000, warm=0, patience=60)
        probes["kafka_streams"].run(workload.filings(500), 500, warm=0, patience=60)
        for per_second in (100, 1_000):
            for name, probe in probes.items():
                say(f"latency of {name.replace('_', ' ')} at {per_second}/s")
                if name == "registrar":
                    peer.pause()
                else:
                    registrar.stop()
                    peer.resume()
                # What the other one decided meanwhile has to be worked off first.
                probe.run(workload.filings(200), 100, warm=0, patience=60)
                records = workload.filings(int((seconds + 1) * per_second))
                found[name, per_second] = probe.run(records, per_second)
                if name == "kafka_streams":
                    registrar.start()
                    registrar.wait_ready()
    finally:
        peer.close()
        registrar.stop()
        for probe in probes.values():
            probe.close()
    figures: Figures = {"stalls_over_50_ms": {}}
    for (name, per_second), latencies in found.items():
        if latencies.lost:
            raise RuntimeError(f"{latencies.lost} records without an entry of {name} at {per_second}/s")
        prefix = f"latency_{per_second}_" if name == "registrar" else f"kafka_streams_latency_{per_second}_"
        for share in (50, 99):
            figures[f"{prefix}p{share}_ms"] = round(latencies.at(share / 100), 2)
        figures[f"{prefix}max_ms"] = round(latencies.ms[-1], 1)
        figures["stalls_over_50_ms"][f"{name}_{per_second}"] = len(latencies.stalls)
    ratios = {
        per_second: found["kafka_streams", per_second].at(0.5) / found["registrar", per_second].at(0.5)
        for per_second in (100, 1_000)
    }
    figures["latency_vs_kafka_streams_at"] = {str(k): round(v, 2) for k, v in ratios.items()}
    # The worse of the two, so that the key alone claims nothing that one of them does not keep.
    figures["latency_vs_kafka_streams"] = round(min(ratios.values()), 2)
    return figures
