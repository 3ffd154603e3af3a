"""A gateway must not outlive a thread it lives on."""

from __future__ import annotations

import subprocess
import sys

from natalog.exits import Exit

_PROGRAM = """
import time
from natalog.gateway.vital import vital_thread
from natalog.logs import configure

def dies() -> None:
    raise RuntimeError("broken")

configure("gateway")
vital_thread(dies, "replica").start()
time.sleep(20)
"""


def test_the_process_ends_with_a_dead_thread() -> None:
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], timeout=15, capture_output=True, text=True)
    assert ended.returncode == Exit.RESTART
    assert "a vital thread died" in ended.stderr
    assert "broken" not in ended.stderr  # the text of an exception may repeat what was sent
