"""The status query over HTTP beside the plain way to do it, and submit→verdict over HTTP.

Both servers run one process, one after the other, against the same client process (`bench.http_client`) with the same
numbers, half of them used. Ours is the gateway as it ships (`natalog run gateway`): it verifies tokens, answers from
its replica of the ledger and records each query on Kafka before it answers. The plain way: `bench.plain_way`, with the
same duties. Its PostgreSQL does not wait for the disk (fsync off), as Kafka does not: either has what it acknowledged
when its process dies, neither when the machine does.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import asyncpg
from confluent_kafka import Consumer, TopicPartition

from bench import postgres
from bench.cluster import INTAKE, LEDGER, PARTITIONS, Cluster
from bench.plain_way import SCHEMA
from bench.preload import preload
from bench.processes import Registrar, cpu_seconds, resident_mib
from bench.report import Figures, Say
from bench.workload import Workload
from natalog.local.issuer import Keys, create_keys, sign
from natalog.local.ports import choose
from natalog.local.tether import tethered
from natalog.settings import environment, load

CONNECTIONS = 64
FAST_CONNECTIONS = 512
"""At 1,000 submissions a second: where a verdict takes 130 ms, 128 would make it a wait for a connection."""
CALLERS = 50
_UNIT = "330106520000"


class Gateway:
    """`natalog run gateway`, as it ships."""

    def __init__(self, bootstrap: str, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.keys: Keys = create_keys(directory)
        self.port = choose(("gateway",), {})["gateway"]
        self._log = directory / "gateway.log"
        settings = load().model_copy(
            update={
                "kafka": bootstrap,
                "data": directory / "data",
                "jwks": self.keys.jwks,
                "gateway_port": self.port,
                "log_format": "json",
                "log_level": "WARNING",  # neither server writes an access log
            }
        )
        # Fifty callers stand for thousands here: no limit of theirs may be what is measured.
        self._environment = environment(settings) | {"NATALOG_GATEWAY_RATE": "1000000"}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id while it runs."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> float:
        """Start it and wait until it is ready; seconds that took."""
        began = time.monotonic()
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(
                tethered((sys.executable, "-m", "natalog", "run", "gateway")),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        _until(lambda: _status(f"http://127.0.0.1:{self.port}/readyz") == 200, self.process, self._log)
        return time.monotonic() - began

    def stop(self) -> None:
        """SIGTERM."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def tokens(self) -> list[str]:
        """One for each of CALLERS desks."""
        return [
            sign(self.keys.issuer, sub=f"desk-{n}", org=_UNIT, roles=["station"], lifetime=3600)
            for n in range(CALLERS)
        ]


def compare_status(
    cluster: Cluster,
    registrar: Registrar,
    workload: Workload,
    directory: Path,
    *,
    seconds: float,
    rows: int,
    say: Say,
) -> Figures:
    """All of it, on a ledger that may hold entries already."""
    figures: Figures = {}
    if registrar.has_ended():
        registrar.start()
        registrar.wait_ready()
    used = [key.decode() for key, _ in _numbered(workload, 20_000)]
    preload(cluster.bootstrap, INTAKE, _KEPT)
    gateway = Gateway(cluster.bootstrap, directory)
    try:
        say("the gateway folds the ledger")
        took = gateway.start()
        entries = _entries(cluster.bootstrap)
        figures["gateway_rebuild_entries"] = entries
        figures["gateway_rebuild_s"] = round(took, 2)
        figures["gateway_rebuild_per_second"] = round(entries / took)
        gateway.stop()
        figures["gateway_restart_s"] = round(gateway.start(), 2)
        tokens = gateway.tokens()
        chance = Random(1)
        asked = [
            chance.choice(used) if n % 2 else f"A33{chance.randrange(10_000_000):07d}" for n in range(20_000)
        ]
        ours = [_get(f"/v1/certificates/{number}", tokens[n % CALLERS]) for n, number in enumerate(asked)]
        _until_used(gateway, ours[-1], say)
        database = postgres.Postgres(directory / "postgres")
        with database.running("-c", "fsync=off") as postmaster:
            dsn = database.database("plain")
            say(f"PostgreSQL takes {rows:,} rows")
            asyncio.run(_fill(dsn, used, rows))
            figures |= _plain(dsn, postmaster, asked, gateway, tokens, directory, seconds, say)
        figures |= _gateway(gateway, cluster, ours, directory, seconds, say)
        figures |= _submit(gateway, tokens, directory, seconds, say)
    finally:
        gateway.stop()
    for name in ("per_second", "per_cpu_second", "per_cpu_second_all"):
        figures[f"status_vs_plain_{name}"] = round(
            figures[f"status_query_{name}"] / figures[f"plain_query_{name}"], 2
        )
    return figures


def _plain(
    dsn: str,
    postmaster: int,
    asked: list[str],
    gateway: Gateway,
    tokens: list[str],
    directory: Path,
    seconds: float,
    say: Say,
) -> Figures:
    port = choose(("plain",), {})["plain"]
    log = directory / "plain.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            tethered((sys.executable, "-m", "bench.plain_way", str(port), dsn, str(gateway.keys.jwks))),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    figures: Figures = {}
    try:
        _until(lambda: _status(f"http://127.0.0.1:{port}/bare/x") == 200, server, log)
        for name, path in (("plain_bare", "/bare"), ("plain_query", "/certificates")):
            say(f"the plain way, {path}")
            requests = [_get(f"{path}/{number}", tokens[n % CALLERS]) for n, number in enumerate(asked)]
            figures |= _full(
                name,
                port,
                requests,
                directory,
                seconds,
                {"": server.pid},
                {"_database": lambda: postgres.cpu_seconds(postmaster)},
            )
        half = figures["plain_query_per_second"] / 2
        told = _load(port, requests, directory, seconds, half)
        figures["plain_query_half_load_p50_ms"] = told["p50_ms"]
        figures["plain_query_half_load_p99_ms"] = told["p99_ms"]
    finally:
        server.terminate()
        server.wait(20)
    return figures


def _gateway(
    gateway: Gateway, cluster: Cluster, requests: list[bytes], directory: Path, seconds: float, say: Say
) -> Figures:
    say("the gateway's status query")
    kafka = cluster.process.pid
    figures = _full(
        "status_query",
        gateway.port,
        requests,
        directory,
        seconds,
        {"": gateway.pid},
        {"_kafka": lambda: cpu_seconds(kafka)},
    )
    half = figures["status_query_per_second"] / 2
    told = _load(gateway.port, requests, directory, seconds, half)
    figures["status_query_half_load_p50_ms"] = told["p50_ms"]
    figures["status_query_half_load_p99_ms"] = told["p99_ms"]
    figures["gateway_rss_mib"] = round(resident_mib(gateway.pid))
    return figures


def _submit(gateway: Gateway, tokens: list[str], directory: Path, seconds: float, say: Say) -> Figures:
    """Claims on fresh numbers at a steady pace; the answer is the verdict, committed on the ledger."""
    serial = Random().randrange(5_000_000)

    def at(rate: int, lasting: float) -> Figures:
        nonlocal serial
        requests = []
        for n in range(int(rate * lasting) + rate):
            serial += 1
            body = json.dumps(
                {
                    "event_id": str(uuid.uuid4()),
                    "certificate_number": f"B33{serial:07d}",
                    "unit_code": _UNIT,
                }
            ).encode()
            requests.append(_post("/v1/claims", tokens[n % CALLERS], body))
        return _load(gateway.port, requests, directory, lasting, rate)

    figures: Figures = {}
    say("warming up Kafka with small requests, over HTTP")  # it compiles: comparison._BROKER_WARM
    at(1_000, 3 * seconds)
    # At 100/s of 4 seconds, the first fifth left out, three answers would make the p99.
    for rate, lasting in ((100, 2 * seconds), (1_000, seconds)):
        say(f"submit→verdict over HTTP at {rate:,}/s")
        told = at(rate, lasting)
        figures[f"http_verdict_{rate}_p50_ms"] = told["p50_ms"]
        figures[f"http_verdict_{rate}_p99_ms"] = told["p99_ms"]
    return figures


def _full(
    name: str,
    port: int,
    requests: list[bytes],
    directory: Path,
    seconds: float,
    processes: dict[str, int],
    beside: dict[str, Callable[[], float]],
) -> Figures:
    """At full load: answers per second of wall clock and per CPU-second, of the server and of what it stands on."""
    _load(port, requests, directory, 1.5, 0, warm=True)
    clocks = {f: (lambda pid=pid: cpu_seconds(pid)) for f, pid in processes.items()} | beside
    before = {suffix: clock() for suffix, clock in clocks.items()}
    told = _load(port, requests, directory, seconds, 0)
    used = {suffix: clock() - before[suffix] for suffix, clock in clocks.items()}
    answers = told["per_second"] * seconds
    figures: Figures = {f"{name}_per_second": told["per_second"], f"{name}_p99_ms": told["p99_ms"]}
    figures[f"{name}_per_cpu_second"] = round(answers / max(used[""], 0.01))
    figures[f"{name}_per_cpu_second_all"] = round(answers / max(sum(used.values()), 0.01))
    return figures


def _load(
    port: int, requests: list[bytes], directory: Path, seconds: float, rate: float, *, warm: bool = False
) -> Figures:
    file = directory / "requests.pickle"
    file.write_bytes(pickle.dumps(requests))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.http_client", "127.0.0.1", str(port), str(file)),
            *(str(seconds), str(CONNECTIONS if rate != 1_000 else FAST_CONNECTIONS), str(rate)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: Figures = json.loads(done.stdout)
    if not warm and (set(told["statuses"]) != {"200"} or told["lost"]):
        raise RuntimeError(f"not every answer was 200: {told}")
    return told


def _get(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        "Natalog-Purpose: registration\r\nNatalog-Officer: officer-7\r\n\r\n"
    ).encode()


def _post(path: str, token: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


_KEPT: list[tuple[bytes, bytes]] = []


def _numbered(workload: Workload, count: int) -> Iterable[tuple[bytes, bytes]]:
    _KEPT[:] = workload.filings(count)
    return _KEPT


async def _fill(dsn: str, used: list[str], rows: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SCHEMA)
        more = [f"C33{n:07d}" for n in range(max(0, rows - len(used)))]
        await connection.copy_records_to_table(
            "numbers",
            records=((n, True, False, False, False, None) for n in [*used, *more]),
        )
        await connection.execute("vacuum analyze numbers")
    finally:
        await connection.close()


def _entries(bootstrap: str) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-count"})
    try:
        return sum(
            consumer.get_watermark_offsets(TopicPartition(LEDGER, p), 10)[1] for p in range(PARTITIONS)
        )
    finally:
        consumer.close()


def _until_used(gateway: Gateway, request: bytes, say: Say) -> None:
    """The registrar has decided the filings that were just sent."""
    path = request.split(b" ", 2)[1].decode()
    token = request.split(b"Bearer ")[1].split(b"\r")[0].decode()

    def is_used() -> bool:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{gateway.port}{path}", headers={"Authorization": f"Bearer {token}"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                return bool(json.load(answer)["used"])
        except (OSError, urllib.error.URLError):
            return False

    say("waiting for the filings' entries")
    assert gateway.process is not None
    _until(is_used, gateway.process, None)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, urllib.error.URLError):
        return 0


def _until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path | None) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(log.read_text(errors="replace")[-3000:] if log else "it never came")
        time.sleep(0.02)
