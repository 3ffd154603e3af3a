"""The supervisor with small stand-in services: order, readiness, restart, stay-down codes, stop, kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from natalog.exits import Exit
from natalog.local.supervisor import NotReady, Service, Supervisor

# Says "up" by a file, and lives until it is told to stop.
STAND_IN = """
import pathlib, signal, sys, time
name, directory = sys.argv[1], pathlib.Path(sys.argv[2])
def stop(*_):
    with (directory / "stopped").open("a") as out: out.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
with (directory / "started").open("a") as out: out.write(name + "\\n")
(directory / (name + ".up")).touch()
while True: time.sleep(0.05)
"""


def stand_in(
    name: str,
    directory: Path,
    *,
    needs: tuple[str, ...] = (),
    code: str = STAND_IN,
    stop_within: float = 30,
) -> Service:
    async def ready() -> bool:
        return (directory / f"{name}.up").exists()

    return Service(
        name=name,
        command=(sys.executable, "-c", code, name, str(directory)),
        ready=ready,
        needs=needs,
        ready_within=60,
        stop_within=stop_within,
    )


async def until(condition: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def run(services: list[Service], tmp_path: Path, body: Callable[[Supervisor, list[int]], Awaitable[None]]):
    async def main() -> None:
        changes: list[int] = []
        supervisor = Supervisor(services, logs=tmp_path / "logs", changed=lambda: changes.append(1))
        try:
            await body(supervisor, changes)
        finally:
            await supervisor.stop()

    asyncio.run(main())


def test_starts_by_need_and_stops_in_reverse(tmp_path: Path) -> None:
    table = [
        stand_in("a", tmp_path),
        stand_in("b", tmp_path, needs=("a",)),
        stand_in("c", tmp_path, needs=("b",)),
    ]

    async def body(supervisor: Supervisor, changes: list[int]) -> None:
        await supervisor.start()
        assert list(supervisor.pids) == ["a", "b", "c"]
        assert changes == []

    run(table, tmp_path, body)
    assert (tmp_path / "started").read_text().split() == ["a", "b", "c"]
    assert (tmp_path / "stopped").read_text().split() == ["c", "b", "a"]


def test_a_killed_service_comes_back_and_the_others_stay(tmp_path: Path) -> None:
    async def body(supervisor: Supervisor, changes: list[int]) -> None:
        await supervisor.start()
        before = supervisor.pids
        os.kill(before["b"], signal.SIGKILL)
        await until(lambda: supervisor.pids.get("b", before["b"]) != before["b"])
        assert supervisor.pids["a"] == before["a"]
        assert changes

    run([stand_in("a", tmp_path), stand_in("b", tmp_path)], tmp_path, body)


@pytest.mark.parametrize("code", [Exit.FENCED, Exit.REFUSED_TO_START])
def test_a_fenced_service_stays_down_and_the_others_go_on(tmp_path: Path, code: Exit) -> None:
    leaves = STAND_IN.replace("sys.exit(0)", f"sys.exit({int(code)})")

    async def body(supervisor: Supervisor, changes: list[int]) -> None:
        await supervisor.start()
        before = supervisor.pids
        os.kill(before["b"], signal.SIGTERM)
        await until(lambda: "b" not in supervisor.pids)
        await asyncio.sleep(1.0)  # five times the pause before a restart
        assert supervisor.pids == {"a": before["a"]}
        assert changes

    run([stand_in("a", tmp_path), stand_in("b", tmp_path, code=leaves)], tmp_path, body)


def test_a_service_that_never_works_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    async def body(supervisor: Supervisor, changes: list[int]) -> None:
        with pytest.raises(NotReady, match=r"(?s)b ended 4 times.*no such luck"):
            await supervisor.start()

    run(
        [stand_in("a", tmp_path), stand_in("b", tmp_path, code="import sys; sys.exit('no such luck')")],
        tmp_path,
        body,
    )
    assert (tmp_path / "stopped").read_text().split() == ["a"]


def test_a_service_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    deaf = STAND_IN.replace("signal.SIGTERM, stop", "signal.SIGTERM, signal.SIG_IGN")

    async def body(supervisor: Supervisor, changes: list[int]) -> None:
        await supervisor.start()
        pid = supervisor.pids["a"]
        await supervisor.stop()
        assert not alive(pid)

    run([stand_in("a", tmp_path, code=deaf, stop_within=2)], tmp_path, body)


def test_a_hung_service_is_stopped_too(tmp_path: Path) -> None:
    async def body(supervisor: Supervisor, changes: list[int]) -> None:
        await supervisor.start()
        pid = supervisor.pids["a"]
        os.kill(pid, signal.SIGSTOP)
        await supervisor.stop()
        assert not alive(pid)

    run([stand_in("a", tmp_path, stop_within=2)], tmp_path, body)


def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Guard: natalog.local.tether. Without it the child below lives on."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "from natalog.local.tether import tethered\n"
            "child = subprocess.Popen(tethered(['sleep', '300']), start_new_session=True)\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(300)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        deadline = time.monotonic() + 30
        while Path(f"/proc/{child}/comm").read_text().strip() != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 30
        while alive(child):
            assert time.monotonic() < deadline, "the child outlived its parent"
            time.sleep(0.02)
    finally:
        if alive(child):
            os.kill(child, signal.SIGKILL)
