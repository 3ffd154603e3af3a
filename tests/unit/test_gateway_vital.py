"""A gateway must not outlive a thread it lives on."""

from __future__ import annotations

import subprocess
import sys

from natalog.exits import Exit

_PROGRAM = """
import time
from natalog.ledger.rocks import StoreFailed
from natalog.gateway.vital import vital_thread
from natalog.logs import configure

def dies() -> None:
    raise {error}

configure("gateway")
vital_thread(dies, "replica").start()
time.sleep(120)
"""


def ended_by(error: str) -> subprocess.CompletedProcess[str]:
    program = _PROGRAM.replace("{error}", error)
    return subprocess.run([sys.executable, "-c", program], timeout=100, capture_output=True, text=True)


def test_the_process_ends_with_a_dead_thread() -> None:
    ended = ended_by('RuntimeError("broken")')
    assert ended.returncode == Exit.RESTART
    assert "a vital thread died" in ended.stderr
    assert "broken" not in ended.stderr  # the text of an exception may repeat what was sent


def test_a_failed_store_has_a_code_of_its_own_and_says_what_failed() -> None:
    ended = ended_by('StoreFailed("IO error: No space left on device")')
    assert ended.returncode == Exit.STORE_FAILED
    assert "No space left on device" in ended.stderr
