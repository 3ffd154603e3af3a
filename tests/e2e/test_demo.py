"""`natalog demo` for real: a stack of its own, the day, the table, the audit, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e import SHORT_LIVED
from tests.ports import keep_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMMAND = (sys.executable, "-m", "natalog", "demo", "--seed", "7")
ENVIRONMENT = {**os.environ, **SHORT_LIVED}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_once_ends_by_itself_and_everything_is_judged_as_planted(tmp_path):
    done = subprocess.run(
        [*COMMAND, "--once", "--registrations", "400"],
        capture_output=True,
        text=True,
        timeout=540,
        env={**ENVIRONMENT, "TMPDIR": str(tmp_path)},
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "Judged wrongly" not in told
    for expected in (
        "VOID_CERTIFICATE",
        "legal look-alikes",
        "OVERDUE",
        "A lost certificate",
        "An exchanged certificate",
        "wrong certificate",
        "natalog replay verify",
        "are as planted; the ledger holds",
    ):
        assert expected in told
    assert list(tmp_path.iterdir()) == []


def test_stays_up_until_ctrl_c_and_then_stops_what_it_started(tmp_path: Path):
    data = tmp_path / "data"
    keep_ports(data)
    with (tmp_path / "out").open("wb") as out:
        demo = subprocess.Popen(
            [*COMMAND, "--registrations", "20", "--data", str(data)], stdout=out, stderr=out, env=ENVIRONMENT
        )
    try:
        deadline = time.monotonic() + 400
        while b"Ctrl-C stops it" not in (tmp_path / "out").read_bytes():
            assert demo.poll() is None, (tmp_path / "out").read_text()
            assert time.monotonic() < deadline, (tmp_path / "out").read_text()
            time.sleep(0.2)
        pids = json.loads((data / "stack.json").read_text())["pids"]
        assert {"registrar", "watch", "gateway"} <= set(pids)

        # The same day again on the same ledger is no demo: every number is used.
        second = subprocess.run(
            [*COMMAND, "--once", "--registrations", "20", "--data", str(data)], capture_output=True, text=True
        )
        assert second.returncode == 2
        assert "choose another --seed" in second.stderr
        assert all(_alive(pid) for pid in pids.values())

        demo.send_signal(signal.SIGINT)
        assert demo.wait(90) == 0
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
    assert not any(_alive(pid) for pid in pids.values())
    assert not (data / "stack.json").exists()
    assert (data / "logs").is_dir()


def test_a_stack_that_cannot_start_is_told(tmp_path):
    environment = {**ENVIRONMENT, "NATALOG_JAVA": "no-such-java"}
    done = subprocess.run(
        [*COMMAND, "--once", "--data", str(tmp_path)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1
    assert "java" in done.stderr.lower()
