"""Ties a child process to its parent's life.

If `natalog up` is killed with SIGKILL it can stop nothing; the kernel then does it (prctl(2),
PR_SET_PDEATHSIG, Linux). The signal is SIGKILL: everything we start is crash-only, and a stopped or hung
process would outlive anything milder.

The setting is made by a small step between parent and program (this file run as a script, 15 ms), since it
survives exec but must be made in the child, and Python code between fork and exec is unsafe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` under the same pid, killed when the starting thread ends.

    Start it from the main thread: the kernel watches the thread that forked, not the process.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the call above took effect
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
