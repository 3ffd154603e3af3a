"""The local stack's PostgreSQL in a directory of its own, with the settings it has there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from natalog.local.ports import choose
from natalog.local.postgres import PostgresNode, find_binaries


class Postgres:
    """One cluster, made at once. Raises RuntimeError where there is no PostgreSQL."""

    def __init__(self, directory: Path) -> None:
        binaries = find_binaries()
        if binaries is None:
            raise RuntimeError("PostgreSQL is missing: run `scripts/setup`")
        self.node = PostgresNode(directory, choose(("postgres",), {})["postgres"], binaries)
        self.node.prepare()

    @contextlib.contextmanager
    def running(self, *options: str, core: int | None = None) -> Iterator[int]:
        """With more options of the `postgres` program, on one core if given; gives the postmaster's pid."""
        before = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {core})  # which it inherits
        process = subprocess.Popen(
            [*self.node.command(), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.sched_setaffinity(0, before)
        try:
            while not self.node.answers():
                if process.poll() is not None:
                    raise RuntimeError("PostgreSQL did not start")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)

    def database(self, name: str) -> str:
        """URL of a new database."""
        place = self.node.url.rpartition("/")[0]
        with psycopg.connect(f"{place}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{place}/{name}"


def cpu_seconds(postmaster: int) -> float:
    """User and system time of a server's processes that live, so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if postmaster in (int(fields[1]), int(stat.parent.name)):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
