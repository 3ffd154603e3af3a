"""A real PostgreSQL for tests, on a free port, in a directory of its own.

* `postgres`: one server per xdist worker and session. Each test takes a database of its own: `database`.
* `own_postgres`: a server of the test's own; stop or kill it as you like.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from natalog.local.postgres import PostgresNode, find_binaries
from tests.ports import free_port


class Server:
    """A running cluster."""

    def __init__(self, node: PostgresNode) -> None:
        self.node = node
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, directory: Path) -> Server:
        """A cluster below `directory`, once it answers. Without PostgreSQL the test is skipped, in CI it fails."""
        binaries = find_binaries()
        if binaries is None:
            missing = "PostgreSQL is missing: run scripts/setup"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
        node = PostgresNode(directory / "postgres", free_port(), binaries)
        node.prepare()
        server = cls(node)
        server.launch()
        node.settle()
        return server

    @property
    def url(self) -> str:
        """The superuser's URL of the database that is always there."""
        return self.node.url

    def database(self) -> str:
        """URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self.url.rpartition('/')[0]}/{name}"

    def launch(self) -> None:
        """Start it again after `stop` or `kill`."""
        with (self.node.directory.parent / "postgres.log").open("ab") as out:
            self._process = subprocess.Popen(
                self.node.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self.node.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.node.directory.parent / "postgres.log").read_text(errors="replace"))
            time.sleep(0.05)

    def move(self) -> None:
        """Another port for the next `launch`."""
        self.node = replace(self.node, port=free_port())

    def stop(self) -> None:
        """At once, in an orderly way."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As when the machine dies: SIGQUIT, an immediate shutdown without a checkpoint."""
        self._end(signal.SIGQUIT)

    def signal_all(self, how: signal.Signals) -> None:
        """To each of its processes; every backend is a session of its own."""
        if self._process is not None:
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for each in (pid, *map(int, children)):
                with contextlib.suppress(ProcessLookupError):  # a worker may have ended meanwhile
                    os.kill(each, how)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The worker's shared server."""
    server = Server.start(tmp_path_factory.mktemp(f"postgres-{os.getpid()}"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def database(postgres: Server) -> str:
    """URL of an empty database."""
    return postgres.database()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    server = Server.start(tmp_path)
    try:
        yield server
    finally:
        server.kill()
