"""`make bench-quick`: all figures in one run of some minutes; a JSON object is the last line.

    python -m bench.quick                     as `make bench-quick`
    python -m bench.quick --numbers 10000000  the same with ten million numbers in state (`make bench-full`)
    python -m bench.quick --scale 0.2         smaller in everything, to try the benchmark itself

Exit code 1 when the two ledgers differ or something fails; figures that miss their target do not change it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench import report
from bench.cluster import BACKFILL, Cluster
from bench.comparison import compare_latency, compare_throughput
from bench.endurance import kill_and_return, live_during_backfill
from bench.ndjson import stream_filings
from bench.preload import preload
from bench.processes import JVM_FLAGS, Registrar, build_peer
from bench.report import Figures
from bench.status_query import compare_status
from bench.status_view import measure as measure_view
from bench.throughput import Progress, measure
from bench.workload import Mix, Workload


def main() -> int:
    """Run it all. The exit code."""
    arguments = _arguments()
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {text}")

    directory = Path(tempfile.mkdtemp(prefix="natalog-bench."))
    try:
        figures = _run(arguments, directory, say)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    figures["seconds"] = round(time.monotonic() - began)
    report.show(console, figures)
    report.write(figures)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.quick", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--numbers", type=int, default=1_000_000, help="numbers in state for kill -9 and memory"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all counts of records")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="stream threads of Kafka Streams")
    parser.add_argument(
        "--codec",
        choices=("generic", "slice"),
        default="generic",
        help="Kafka Streams with Apache Avro, or by hand",
    )
    parser.add_argument("--latency-seconds", type=float, default=8)
    parser.add_argument("--only", default="throughput,latency,live,kill,status,ndjson", help="which parts")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, directory: Path, say: report.Say) -> Figures:
    parts = arguments.only.split(",")
    scale = arguments.scale
    figures: Figures = {
        "compiled": _compiled(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "jvm_flags": " ".join(JVM_FLAGS),
        "kafka_streams_threads": arguments.threads,
        "kafka_streams_codec": arguments.codec,
    }
    if not figures["compiled"]:
        say("[yellow]the hot path is not compiled here: run `make setup` with a C compiler")
    build = build_peer(directory / "maven.log")
    say("starting Kafka")
    with Cluster(directory / "kafka") as cluster:
        cluster.create_topics()
        if build is not None:
            say("building the Kafka Streams program")
            if build.wait() != 0:
                raise RuntimeError((directory / "maven.log").read_text())
        registrar = Registrar(cluster.bootstrap, directory / "registrar")
        live = Workload(seed=1)
        try:
            if "throughput" in parts:
                figures |= compare_throughput(
                    cluster,
                    registrar,
                    live,
                    directory / "streams",
                    warm=int(150_000 * scale),
                    each=int(200_000 * scale),
                    rounds=arguments.rounds,
                    threads=arguments.threads,
                    codec=arguments.codec,
                    say=say,
                )
            if "latency" in parts:
                figures |= compare_latency(
                    cluster,
                    registrar,
                    live,
                    directory / "streams",
                    seconds=arguments.latency_seconds,
                    threads=arguments.threads,
                    say=say,
                )
            bulk = Workload(seed=2, mix=Mix(claimed=0, repeated=0, used=0), backfill=True)
            backlog = int(400_000 * scale)
            fill = max(0, int(arguments.numbers * scale) - live.numbers_made - backlog)
            if fill and ("live" in parts or "kill" in parts):
                _fill(cluster, registrar, bulk, fill, say)
            if "live" in parts:
                figures |= live_during_backfill(cluster, registrar, live, bulk, backlog=backlog, say=say)
            elif "kill" in parts:
                registrar.start()
            if "kill" in parts:
                figures |= kill_and_return(
                    cluster, registrar, live, times=3, unflushed=int(20_000 * scale), say=say
                )
            if "status" in parts:
                figures |= _view(int(300_000 * scale), directory / "view", say)
                figures |= compare_status(
                    cluster,
                    registrar,
                    live,
                    directory / "status",
                    seconds=min(4.0, arguments.latency_seconds),
                    rows=int(1_000_000 * scale),
                    say=say,
                )
            if "ndjson" in parts:
                figures |= stream_filings(
                    cluster, registrar, directory / "ndjson", lines=int(150_000 * scale), say=say
                )
            figures["state_numbers"] = live.numbers_made + bulk.numbers_made
        finally:
            registrar.kill()
    figures["load_after"] = round(os.getloadavg()[0], 2)
    return figures


def _view(count: int, directory: Path, say: report.Say) -> Figures:
    """The status view alone. Of so few numbers each takes a quarter more than of a million."""
    say("folding the status view")
    told = measure_view(count, directory)
    return {
        "view_rebuild_per_second": round(1e6 / float(told["fold_us_wall"])),
        "view_bitmap_mb_per_million": told["all_bitmaps_mb_per_million"],
    }


def _fill(cluster: Cluster, registrar: Registrar, bulk: Workload, count: int, say: report.Say) -> None:
    """Bring `count` more numbers into state the way any number gets there."""
    progress = Progress(cluster.bootstrap, registrar.group, (BACKFILL,))
    registrar.start()
    try:
        written = 0
        while written < count:
            step = min(500_000, count - written)
            say(f"filling the state: {written:,} of {count:,}")
            preload(cluster.bootstrap, BACKFILL, bulk.records(step))
            written += step
        measure(registrar, progress, cluster.process.pid, start=0, end=count, warm=0, timeout=1_800)
    finally:
        progress.close()
        registrar.stop()


def _compiled() -> bool:
    from natalog.ledger import step

    return not (step.__file__ or "").endswith(".py")


if __name__ == "__main__":
    sys.exit(main())
