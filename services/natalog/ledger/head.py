"""Where one partition's ledger stands: all that is needed to extend or to judge the next entry."""

from __future__ import annotations

import struct
from typing import Final

from mypy_extensions import i64

from natalog.wire.topics import INTAKE_TOPICS

GENESIS: Final = bytes(32)
"""`prev` of the first entry."""

_FIXED: Final = struct.Struct("<qq32sB")


class Head:
    """Head of one partition.

    `seq` is the next entry's, `prev` the SHA-256 of the last valid one, `offset` the next ledger offset to
    read, `causes` the last cause's offset per intake topic (INTAKE_TOPICS order, −1 none).
    """

    def __init__(self, seq: i64, prev: bytes, offset: i64, causes: list[int]) -> None:
        self.seq: i64 = seq
        self.prev: bytes = prev
        self.offset: i64 = offset
        self.causes: list[int] = causes

    @staticmethod
    def genesis() -> Head:
        """Head of an empty ledger."""
        return Head(0, GENESIS, 0, [-1] * len(INTAKE_TOPICS))

    def copy(self) -> Head:
        """The same, free to be advanced."""
        return Head(self.seq, self.prev, self.offset, list(self.causes))

    def pack(self) -> bytes:
        """As bytes for the store."""
        fixed = _FIXED.pack(self.seq, self.offset, self.prev, len(self.causes))
        return fixed + struct.pack(f"<{len(self.causes)}q", *self.causes)

    @staticmethod
    def unpack(packed: bytes) -> Head:
        """What `pack` wrote, by this build or one that knew fewer intake topics."""
        seq, offset, prev, count = _FIXED.unpack_from(packed)
        causes = list(struct.unpack_from(f"<{count}q", packed, _FIXED.size))
        causes.extend([-1] * (len(INTAKE_TOPICS) - count))
        return Head(seq, prev, offset, causes)
