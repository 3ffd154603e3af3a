"""The projection into PostgreSQL, beside `executemany` of the same rows in the same run.

    python -m bench.projection                     200,000 entries; a minute
    python -m bench.projection --entries 1000000

The ledger is decided beforehand from a stream as `natalog sample` makes it (claims, repeats, second registrations,
late and doubtful filings; bench/workload.py), and handed to the projector's own loop from memory: what is measured is
the chain check, decoding, folding and writing, without Kafka. PostgreSQL is the local stack's (`natalog up`), with the
settings it has there.

Three rounds, each into a new database:
* projector and PostgreSQL on one core each;
* both pinned to the same single core;
* `executemany`, one core each: the same rows of the same three tables, prepared as Python tuples beforehand, so that it
  pays for neither chain nor decoding.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import psycopg

from bench.postgres import Postgres, cpu_seconds
from bench.workload import Workload
from natalog.decision.rules import NEWEST, RuleSets
from natalog.kafka.identity import Identity
from natalog.ledger.follow import LedgerReader, Stretch
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch
from natalog.views.batch import Batch, genesis
from natalog.views.database import LIVE
from natalog.views.following import ENTRIES, Following
from natalog.views.migrate import migrate
from natalog.views.projector import Projector
from natalog.views.statements import certificates, registrations, stage
from natalog.views.writer import Writer
from natalog.wire.murmur2 import partition_of

PARTITIONS = 12
_IDENTITY = Identity("bench", "bench")
_FETCH = 1_000
"""Entries of one partition that come together, as a fetch of some hundred kilobytes brings them."""
_BATCH = ENTRIES
_TARGET = 40_000


def ledger(count: int) -> list[Stretch]:
    """Entries as the registrar would have written them, partition by partition as they fill."""
    heads = {p: Head.genesis() for p in range(PARTITIONS)}
    states: dict[int, dict[bytes, bytes]] = {p: {} for p in range(PARTITIONS)}
    waiting: dict[int, list[tuple[bytes, bytes]]] = {p: [] for p in range(PARTITIONS)}
    now = 1_790_000_000_000
    made: list[Stretch] = []

    def decide(partition: int) -> None:
        records = waiting[partition]
        head = heads[partition]
        first = head.causes[0] + 1
        out = decide_batch(
            head,
            partition,
            [0] * len(records),
            list(range(first, first + len(records))),
            [now] * len(records),
            [key for key, _ in records],
            [value for _, value in records],
            states[partition],
            NEWEST,
            lambda raw: raw,
        )
        states[partition].update(out.states)
        start = head.seq
        heads[partition] = out.head
        offsets = list(range(start, start + len(records)))
        keys = [key for key, _ in out.entries]
        made.append(Stretch(partition, offsets, keys, [v for _, v in out.entries], offsets[-1] + 1))
        waiting[partition] = []

    for n, (key, value) in enumerate(Workload(seed=3).records(count)):
        now = 1_790_000_000_000 + n
        partition = int(partition_of(key, PARTITIONS))
        waiting[partition].append((key, value))
        if len(waiting[partition]) == _FETCH:
            decide(partition)
    for partition, records in waiting.items():
        if records:
            decide(partition)
    return made


class FromMemory:
    """Stands in for LedgerReader: hands out the stretches of a list, some at a time."""

    def __init__(self, stretches: list[Stretch]) -> None:
        self._left = iter(stretches)
        self.done = False

    def start(self, positions: dict[int, int]) -> None:
        """Nothing to do: it begins at the beginning."""

    def read(self, limit: int, timeout: float) -> list[Stretch]:
        """At most `limit` entries."""
        found: dict[int, Stretch] = {}
        held = 0
        while held < min(limit, _BATCH):
            stretch = next(self._left, None)
            if stretch is None:
                self.done = True
                break
            held += len(stretch.offsets)
            known = found.get(stretch.partition)
            if known is None:
                found[stretch.partition] = stretch
            else:
                found[stretch.partition] = Stretch(
                    stretch.partition,
                    known.offsets + stretch.offsets,
                    known.keys + stretch.keys,
                    known.values + stretch.values,
                    stretch.position,
                )
        return list(found.values())


def project(cluster: Postgres, name: str, stretches: list[Stretch], ours: int, theirs: int) -> dict[str, Any]:
    """Through the projector's loop; the two core numbers say where we and PostgreSQL run."""
    count = sum(len(s.offsets) for s in stretches)
    with cluster.running(core=theirs) as pid:
        url = cluster.database(name)
        migrate(url, LIVE)
        reader = FromMemory(stretches)
        following = Following(cast(LedgerReader, reader), RuleSets(), counting=False)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {ours})
        projector = Projector(
            following,
            lambda: Writer(url, LIVE, PARTITIONS, _IDENTITY),
            ends=dict.fromkeys(range(PARTITIONS), 0),
        )
        projector.begin()
        began, cpu, server = time.perf_counter(), time.process_time(), cpu_seconds(pid)
        while not reader.done:
            projector.step(0.0)
        projector.settle()
        wall = time.perf_counter() - began
        cpu, server = time.process_time() - cpu, cpu_seconds(pid) - server
        projector.close()
        os.sched_setaffinity(0, before)
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT sum(seq) FROM natalog.ledger_positions").fetchone()
            assert row is not None
            assert row[0] == count, (row, count)
    return _figures(count, wall, cpu, server)


def many(cluster: Postgres, stretches: list[Stretch], ours: int, theirs: int) -> dict[str, Any]:
    """The rows of the filings by `executemany`, batch by batch as large as the projector's."""
    with cluster.running(core=theirs) as pid:
        url = cluster.database("many")
        migrate(url, LIVE)
        writer = Writer(url, LIVE, PARTITIONS, _IDENTITY)
        connection = writer.connection
        reader = FromMemory(stretches)
        folds = {p: genesis() for p in range(PARTITIONS)}
        jobs = (
            stage.INSERT_FILINGS,
            registrations.UPSERT_TURN.replace("turn = %s", "turn = 0"),
            certificates.UPSERT_TURN.replace("turn = %s", "turn = 0"),
        )
        wall = cpu = server = 0.0
        filings = 0
        while not reader.done:
            batch = Batch(RuleSets())
            for stretch in reader.read(_BATCH, 0.0):
                batch.add(
                    folds[stretch.partition], stretch.partition, stretch.offsets, stretch.keys, stretch.values
                )
                folds.update(batch.folds)
            work = []
            with connection.transaction(), connection.cursor() as cursor:
                writer.copy(cursor, batch)  # never arranged: all of it is staged
                for job in jobs:
                    head, _, rest = (
                        job.strip().partition("\nSELECT ")
                        if "\nSELECT " in job
                        else job.strip().partition(" SELECT ")
                    )
                    chosen, *conflict = rest.partition("ON CONFLICT")
                    rows = cursor.execute("SELECT " + chosen).fetchall()
                    if rows:
                        values = ", ".join(["%s"] * len(rows[0]))
                        work.append((f"{head} VALUES ({values}) {''.join(conflict)}", rows))
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {ours})
            began, cpu_0, server_0 = time.perf_counter(), time.process_time(), cpu_seconds(pid)
            with connection.transaction(), connection.cursor() as cursor:
                for statement, rows in work:
                    cursor.executemany(statement, rows)
            wall += time.perf_counter() - began
            cpu += time.process_time() - cpu_0
            server += cpu_seconds(pid) - server_0
            os.sched_setaffinity(0, before)
            filings += batch.filings
        writer.close()
    return _figures(filings, wall, cpu, server)


def _figures(count: int, wall: float, cpu: float, server: float) -> dict[str, Any]:
    return {
        "entries": count,
        "per_second": round(count / wall),
        "our_cpu_us": round(cpu / count * 1e6, 1),
        "postgres_cpu_us": round(server / count * 1e6, 1),
    }


def main() -> int:
    """Run it. The exit code: 1 when something failed; a missed target is shown and does not change it."""
    parser = argparse.ArgumentParser(prog="python -m bench.projection")
    parser.add_argument("--entries", type=int, default=200_000)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="natalog-projection."))
    cores = sorted(os.sched_getaffinity(0))
    try:
        cluster = Postgres(directory / "postgres")
        stretches = ledger(arguments.entries)
        found: dict[str, Any] = {
            "load": os.getloadavg()[0],
            "one_core_each": project(cluster, "each", stretches, cores[0], cores[-1]),
            "same_core": project(cluster, "same", stretches, cores[0], cores[0]),
            "executemany": many(cluster, stretches[: max(1, len(stretches) // 4)], cores[0], cores[-1]),
        }
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    found["target"] = _TARGET
    found["met"] = found["one_core_each"]["per_second"] >= _TARGET
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
