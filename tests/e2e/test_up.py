"""`natalog up` as a person uses it: ready, second start, killed services, stop, start again, kill -9."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from natalog.local import stackfile
from natalog.local.postgres import find_binaries
from tests.e2e import SHORT_LIVED
from tests.ports import keep_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NATALOG = (sys.executable, "-m", "natalog")


class Up:
    """A `natalog up` on a directory, and what its stack.json says."""

    def __init__(self, data: Path) -> None:
        self.data = data
        keep_ports(data)
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> None:
        self.process = self.spawn(*arguments)
        self.until(lambda: stackfile.read(self.data) is not None, within=180)

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*NATALOG, "up", "--data", str(self.data), *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **SHORT_LIVED},
        )

    @property
    def stack(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        return content

    def until(self, condition: Callable[[], bool], within: float = 120) -> None:
        deadline = time.monotonic() + within
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                assert self.process.stderr is not None
                raise AssertionError(f"up ended: {self.process.stderr.read()}")
            assert time.monotonic() < deadline, "did not happen in time"
            time.sleep(0.05)

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(how)
        return process.wait(120)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.stack['gateway']}/readyz", trust_env=False).status_code == 200
        except (httpx.HTTPError, FileNotFoundError):
            return False


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """An `up` that is not started yet; ended after the test whatever happened."""
    it = Up(tmp_path / "stack")
    yield it
    if it.process is not None:
        it.end(signal.SIGTERM)


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_day_in_the_life_of_a_stack(up: Up) -> None:
    up.start()
    stack = up.stack
    projection = {"postgres", "projector"} if find_binaries() else set()
    prometheus = {"prometheus"} if shutil.which("prometheus") else set()
    assert set(stack) == {"gateway", "kafka", "issuer_key", "pids", *(projection & {"postgres"}), *prometheus}
    assert set(stack["pids"]) == {"kafka", "registrar", "watch", "gateway", *projection, *prometheus}
    assert all(alive(pid) for pid in stack["pids"].values())
    assert Path(stack["issuer_key"]).is_absolute()
    assert up.answers()
    topics = AdminClient({"bootstrap.servers": stack["kafka"]}).list_topics(timeout=10).topics
    assert len(topics["ledger"].partitions) == 12

    # A second start on the same directory says so and leaves the first alone.
    second = up.spawn()
    _, said = second.communicate(timeout=60)
    assert second.returncode == 3
    assert pid_of(up) in said
    assert up.answers()

    # A service that is killed comes back under a new pid, and stack.json says so.
    for name in ("registrar", "watch", "gateway", "kafka", *sorted(projection | prometheus)):
        # One may have ended by itself since Kafka was killed, and be on its way back.
        up.until(lambda n=name: n in up.stack["pids"])  # type: ignore[misc]
        before = up.stack["pids"][name]
        with contextlib.suppress(ProcessLookupError):
            os.kill(before, signal.SIGKILL)
        up.until(lambda n=name, b=before: up.stack["pids"].get(n, b) != b)  # type: ignore[misc]
    up.until(up.answers)
    if projection:
        up.until(lambda: tables_answer(stack["postgres"]))

    # Stop: everything of ours, nothing else.
    bystander = subprocess.Popen(["sleep", "60"])
    pids = up.stack["pids"]
    try:
        assert up.end(signal.SIGINT) == 0
        assert not any(alive(pid) for pid in pids.values())
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert not (up.data / "stack.json").exists()

    # Again on the same directory: same addresses, same keys, same data.
    key = Path(stack["issuer_key"]).read_bytes()
    up.start()
    assert up.stack["gateway"] == stack["gateway"]
    assert up.stack["kafka"] == stack["kafka"]
    assert up.stack.get("postgres") == stack.get("postgres")
    assert Path(up.stack["issuer_key"]).read_bytes() == key

    # kill -9: nothing lingers, and the next start works.
    pids = up.stack["pids"]
    up.end(signal.SIGKILL)
    up.until(lambda: not any(alive(pid) for pid in pids.values()), within=30)
    up.start()
    assert up.answers()
    assert up.end(signal.SIGTERM) == 0


def tables_answer(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT FROM natalog.ledger_positions").rowcount == 12
    except psycopg.OperationalError:
        return False


def pid_of(up: Up) -> str:
    assert up.process is not None
    return str(up.process.pid)


def test_stopping_during_the_start_leaves_nothing(up: Up) -> None:
    up.process = up.spawn()
    log = up.data / "logs" / "kafka.log"
    up.until(log.exists)
    assert up.end(signal.SIGTERM) == 0
    assert not (up.data / "stack.json").exists()
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(up.data).encode() in read(p)]
    assert left == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_without_java_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [*NATALOG, "up", "--data", str(tmp_path / "d")],
        capture_output=True,
        text=True,
        env={**os.environ, "NATALOG_JAVA": "no-such-java"},
    )
    assert done.returncode == 1
    assert "openjdk-17-jre-headless" in done.stderr
