"""Where the registrar's time goes: `python -m bench.profile [RECORDS]`, and `--stalls SECONDS` for slow records.

A backlog is worked off by the registrar with a clock around each step (bench/traced.py): microseconds per record by
step, and the CPU time of each thread. With --stalls, records come at 1,000/s instead: every ten seconds the latencies
and what the broker and its compiler threads took of a core, and every record that took longer than 50 ms with the step
that was slow, the broker's garbage collection at that time, and how long both processes' threads waited for a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.cluster import INTAKE, LEDGER, Cluster
from bench.latency import Probe, Stall
from bench.preload import preload
from bench.processes import Registrar, cpu_seconds
from bench.throughput import Progress
from bench.workload import Workload

_PAUSE = re.compile(r"^\[([^\]]+)\].*Total: (\d+) ns")
_WINDOW = 10  # seconds
_EPISODES = 20  # told at most
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print the profile as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile")
    parser.add_argument("records", nargs="?", type=int, default=300_000)
    parser.add_argument("--stalls", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=1_000)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="natalog-profile."))
    os.environ["BENCH_TRACE"] = str(directory / "trace.json")
    try:
        gc_log = directory / "gc.log" if arguments.stalls else None
        with Cluster(directory / "kafka", gc_log=gc_log) as cluster:
            cluster.create_topics()
            registrar = Registrar(
                cluster.bootstrap, directory / "registrar", command=(sys.executable, "-m", "bench.traced")
            )
            try:
                if gc_log is None:
                    found = _profile(cluster, registrar, arguments.records)
                else:
                    found = _stalls(cluster, registrar, arguments.stalls, arguments.rate, gc_log)
            finally:
                registrar.kill()
        print(json.dumps(found, indent=1))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _profile(cluster: Cluster, registrar: Registrar, records: int) -> dict[str, Any]:
    preload(cluster.bootstrap, INTAKE, Workload().records(records))
    progress = Progress(cluster.bootstrap, registrar.group, (INTAKE,))
    registrar.start()
    registrar.wait_ready()
    started, cpu, before = time.monotonic(), cpu_seconds(registrar.pid), _threads(registrar.pid)
    begun = progress.done()
    while progress.done() < records:
        if registrar.has_ended():
            raise RuntimeError(registrar.log())
        time.sleep(0.02)
    count = records - begun
    wall, cpu = time.monotonic() - started, cpu_seconds(registrar.pid) - cpu
    threads = _threads(registrar.pid)
    registrar.stop()
    steps = json.loads(Path(os.environ["BENCH_TRACE"]).read_text())["steps"]
    return {
        "records": count,
        "wall_us": round(wall / count * 1e6, 2),
        "cpu_us": round(cpu / count * 1e6, 2),
        "threads_cpu_us": {
            name: round((seconds - before.get(name, 0)) / count * 1e6, 2)
            for name, seconds in sorted(threads.items(), key=lambda item: -item[1])
        },
        "steps_us": {
            name: {"wall": round(w / records * 1e6, 2), "cpu": round(c / records * 1e6, 2)}
            for name, (calls, w, c, _) in steps.items()
            if calls
        },
        "batches": steps["turn"][0],
    }


def _threads(pid: int) -> dict[str, float]:
    """CPU seconds by thread name."""
    found: defaultdict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").iterdir():
        head, tail = (task / "stat").read_text().rsplit(")", 1)
        fields = tail.split()
        found[head.split("(", 1)[1]] += (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
    return found


def _stalls(
    cluster: Cluster, registrar: Registrar, seconds: float, rate: float, gc_log: Path
) -> dict[str, Any]:
    workload = Workload()
    registrar.start()
    registrar.wait_ready()
    probe = Probe(cluster.bootstrap, LEDGER)
    waits: list[tuple[float, float, float]] = []
    over = threading.Event()

    def watch() -> None:
        last = _queued(cluster.process.pid), _queued(registrar.pid)
        while not over.wait(0.02):
            now = _queued(cluster.process.pid), _queued(registrar.pid)
            waits.append((time.time(), (now[0] - last[0]) * 1000, (now[1] - last[1]) * 1000))
            last = now

    watcher = threading.Thread(target=watch, name="watcher")
    watcher.start()
    stalls: list[Stall] = []
    windows: list[dict[str, float]] = []
    began = time.monotonic()
    try:
        probe.run(workload.filings(1_000), rate, warm=0)
        while time.monotonic() - began < seconds:
            at, before = time.monotonic(), _threads(cluster.process.pid)
            found = probe.run(workload.filings(int(_WINDOW * rate)), rate, warm=0)
            took = time.monotonic() - at
            spent = _threads(cluster.process.pid)
            spent.subtract(before)
            stalls += found.stalls
            windows.append(
                {
                    "from_s": round(at - began),
                    "p50_ms": round(found.at(0.5), 1),
                    "p99_ms": round(found.at(0.99), 1),
                    "max_ms": round(found.ms[-1], 1),
                    "over_50_ms": len(found.stalls),
                    "broker_cores": round(spent.total() / took, 2),
                    "broker_compiler_cores": round(
                        sum(cpu for name, cpu in spent.items() if "Compiler" in name) / took, 2
                    ),
                }
            )
    finally:
        over.set()
        watcher.join()
        probe.close()
    registrar.stop()
    slow = json.loads(Path(os.environ["BENCH_TRACE"]).read_text())["slow"]
    pauses = _pauses(gc_log)
    episodes: list[dict[str, Any]] = []
    for stall in sorted(stalls, key=lambda s: s.sent_at):
        if episodes and stall.sent_at < episodes[-1]["until"]:
            episode = episodes[-1]
            episode["records"] += 1
            episode["worst_ms"] = max(episode["worst_ms"], stall.ms)
            episode["until"] = max(episode["until"], stall.sent_at + stall.ms / 1000)
        else:
            until = stall.sent_at + stall.ms / 1000
            episodes.append({"at": stall.sent_at, "until": until, "records": 1, "worst_ms": stall.ms})
    for episode in episodes:
        start, end = episode["at"] - 0.02, episode["until"] + 0.02
        episode["slow_batches"] = [b for b in slow if b["at"] < end and b["at"] + b["ms"] / 1000 > start]
        episode["broker_pauses_ms"] = [
            round(ms, 1) for at, ms in pauses if start <= at <= end + ms / 1000 and ms > 1
        ]
        episode["broker_queued_ms"] = round(sum(b for at, b, _ in waits if start <= at <= end), 1)
        episode["registrar_queued_ms"] = round(sum(r for at, _, r in waits if start <= at <= end), 1)
    return {
        "load": os.getloadavg()[0],
        "windows": windows,
        "broker_queued_ms_per_s": round(sum(b for _, b, _ in waits) / (time.monotonic() - began), 1),
        "registrar_queued_ms_per_s": round(sum(r for _, _, r in waits) / (time.monotonic() - began), 1),
        "slow_batches": len(slow),
        "episodes": len(episodes),
        "last_episodes": episodes[-_EPISODES:],
    }


def _queued(pid: int) -> float:
    """Seconds that all threads of a process have been runnable without a CPU."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total / 1e9


def _pauses(gc_log: Path) -> list[tuple[float, float]]:
    """(end, milliseconds) of every time the broker's JVM stopped all its threads."""
    pauses = []
    for line in gc_log.read_text(errors="replace").splitlines():
        match = _PAUSE.match(line)
        if match:
            pauses.append(
                (datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp(), int(match[2]) / 1e6)
            )
    return pauses


if __name__ == "__main__":
    sys.exit(main())
