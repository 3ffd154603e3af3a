"""Filings a second through one gateway process, sent as one NDJSON body, each answered with its committed verdict.

    python -m bench.ndjson                 a Kafka of its own, one registrar, one gateway, one client
    python -m bench.ndjson --origin LIVE   by the live lane

Also CPU-seconds per 1,000 lines of each process: on two cores they share what there is, so these tell what bounds it.
The first fifth of the lines does not count.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from bench.cluster import Cluster
from bench.processes import Registrar, cpu_seconds, resident_mib
from bench.report import Figures, Say
from bench.status_query import Gateway
from natalog.local.issuer import sign
from natalog.local.tether import tethered
from natalog.sample import Population, filings

PROVINCE = "33"
LINES = 150_000


def body(file: Path, lines: int, origin: str, *, seed: int = 1) -> None:
    """Filings as an integrator sends them, 1.2 KB each: one province's, of all years (BACKFILL) or of today (LIVE)."""
    day = (datetime.now(UTC) - timedelta(minutes=3)).date() if origin == "LIVE" else None
    population = Population(seed=seed, count=lines, provinces=(PROVINCE,), day=day, origin=origin)
    with file.open("wb") as out:
        for record in filings(population):
            record.pop("kind", None)
            out.write(orjson.dumps(record))
            out.write(b"\n")


def stream_filings(
    cluster: Cluster,
    registrar: Registrar,
    directory: Path,
    *,
    lines: int,
    say: Say,
    origin: str = "BACKFILL",
) -> Figures:
    """One body through a gateway of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    if registrar.has_ended():
        registrar.start()
        registrar.wait_ready()
    file = directory / "filings.ndjson"
    say(f"writing {lines:,} filings as NDJSON")
    body(file, lines, origin)
    gateway = Gateway(cluster.bootstrap, directory)
    try:
        gateway.start()
        say(f"streaming {file.stat().st_size >> 20} MiB through the gateway")
        return _run(gateway, registrar, cluster, file, lines)
    finally:
        gateway.stop()
        file.unlink()


def _run(gateway: Gateway, registrar: Registrar, cluster: Cluster, file: Path, lines: int) -> Figures:
    token = sign(gateway.keys.issuer, sub="adapter-33", org=PROVINCE, roles=["adapter"], lifetime=3600)
    client = subprocess.Popen(
        tethered(
            (
                *(sys.executable, "-m", "bench.ndjson_client", "127.0.0.1", str(gateway.port)),
                *("/v1/filings?wait=60", token, str(file), str(lines)),
            )
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    processes = {
        "gateway": gateway.pid,
        "registrar": registrar.pid,
        "kafka": cluster.process.pid,
        "client": client.pid,
    }
    try:
        if client.stdout.readline().strip() != "counting":
            raise RuntimeError("the stream broke")
        before = {name: cpu_seconds(pid) for name, pid in processes.items()}
        last = client.stdout.readline()
        after = {name: cpu_seconds(pid) for name, pid in processes.items()}
    finally:
        client.kill()
        client.wait()
    told = json.loads(last)
    if told["lines"] != lines or set(told["answers"]) - {"ACCEPTED", "REFUSED"}:
        raise RuntimeError(f"not every line got a verdict: {told}")
    figures: Figures = {
        "ndjson_per_second": told["per_second"],
        "ndjson_lines": lines,
        "ndjson_accepted": told["answers"].get("ACCEPTED", 0),
        "ndjson_rss_mib": round(resident_mib(gateway.pid, "VmHWM")),
    }
    for name, seconds in after.items():
        figures[f"ndjson_{name}_cpu_s_per_1000"] = round((seconds - before[name]) * 1000 / told["counted"], 4)
    return figures


def main() -> int:
    """Run it alone. The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.ndjson", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--origin", choices=("BACKFILL", "LIVE"), default="BACKFILL")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="natalog-bench."))
    try:
        with Cluster(directory / "kafka") as cluster:
            cluster.create_topics()
            registrar = Registrar(cluster.bootstrap, directory / "registrar")
            try:
                registrar.start()
                registrar.wait_ready()
                figures = stream_filings(
                    cluster,
                    registrar,
                    directory / "gateway",
                    lines=arguments.lines,
                    origin=arguments.origin,
                    say=lambda text: print(text, file=sys.stderr),
                )
            finally:
                registrar.kill()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps(figures, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
