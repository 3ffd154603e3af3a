"""Lines of an answer that the client has not fetched yet: some in memory, the rest in a file without a name.

Many HTTP clients send their whole body before they read a single line. Waiting for such a client to read would be
waiting for ever, and keeping a million verdicts in memory would let a few of them fill it. So what is not fetched
goes to disk, up to a limit; then reading the body waits.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from pathlib import Path
from typing import BinaryIO, Final

MEMORY: Final = 2 << 20
"""Bytes of an answer kept in memory."""
_BLOCK: Final = 256 << 10
"""Bytes written to or read from the file at once."""


class Answers:
    """A queue of lines, in order. `directory` takes the file, `disk` bounds it in bytes."""

    def __init__(self, directory: Path, disk: int) -> None:
        self._directory = directory
        self._disk = disk
        self._head: deque[bytes] = deque()
        """Blocks that come before the file."""
        self._tail: list[bytes] = []
        """Lines behind the file, or behind the head while there is none."""
        self._head_size = self._tail_size = 0
        self._file: BinaryIO | None = None
        self._read_at = self._written = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._fetched = asyncio.Event()

    @property
    def on_disk(self) -> int:
        """Bytes in the file that are still to be fetched."""
        return self._written - self._read_at

    def put(self, line: bytes) -> None:
        """Add a line, without its end."""
        self._tail.append(line)
        self._tail_size += len(line) + 1
        if self._tail_size >= _BLOCK:
            self._store()
        self._changed.set()

    async def room(self) -> None:
        """Return when there is room for more: at once, unless the disk's share is used up."""
        while self.on_disk >= self._disk:
            self._fetched.clear()
            await self._fetched.wait()

    def end(self) -> None:
        """No line comes any more."""
        self._ended = True
        self._changed.set()

    async def get(self) -> bytes | None:
        """The next lines, whole and with their ends; None after the last."""
        while True:
            block = self._next()
            if block is not None:
                self._fetched.set()
                return block
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        """Forget what was not fetched."""
        self._head.clear()
        self._tail.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _store(self) -> None:
        block = b"\n".join(self._tail) + b"\n"
        self._tail, self._tail_size = [], 0
        if self.on_disk == 0 and self._head_size + len(block) <= MEMORY:
            self._head.append(block)
            self._head_size += len(block)
            return
        if self._file is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._directory)
        if self.on_disk == 0:  # everything was fetched: begin anew and keep the file small
            self._file.truncate(0)
            self._read_at = self._written = 0
        self._file.seek(self._written)
        self._file.write(block)
        self._written += len(block)

    def _next(self) -> bytes | None:
        if self._head:
            block = self._head.popleft()
            self._head_size -= len(block)
            return block
        if self.on_disk and self._file is not None:
            self._file.seek(self._read_at)
            block = self._file.read(_BLOCK)
            self._read_at += len(block)
            return block
        if self._tail:
            block = b"\n".join(self._tail) + b"\n"
            self._tail, self._tail_size = [], 0
            return block
        return None
