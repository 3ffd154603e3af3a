"""One `natalog up` per data directory, held by flock(2): a crash releases it, a stale file holds nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = "lock"


class Held(Exception):
    """Another process holds the directory; `pid` is its id, or None if it has not written it yet."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


def holder(directory: Path) -> int | None:
    """Process id of the living `up` that holds the directory, or None."""
    try:
        pid = int((directory / _NAME).read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    except PermissionError:  # alive, but another user's
        pass
    return pid


@contextmanager
def held(directory: Path, *, taken: Callable[[], None]) -> Iterator[None]:
    """Hold the directory while the block runs; `taken` runs before others can learn that it is held.

    Raises Held at once when another process holds it.
    """
    descriptor = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 20, 0).strip()
            raise Held(int(text) if text.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        taken()
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
