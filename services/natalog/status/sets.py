"""The sets of numbers kept in memory: one Roaring bitmap of 64-bit integers for each fact.

A number is the integer `code_of` makes of it. Issued numbers lie close together, so that the bitmaps are mostly runs
and full blocks: see docs/adr/0016-status-view.md for what a million takes.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable
from typing import Final

from pyroaring import BitMap64

from natalog.status.detail import Detail

USED: Final = 0
DETAILED: Final = 5
NAMES: Final = ("used", "blacklisted", "invalidated", "contested", "claimed", "detailed")
"""`detailed` are the numbers about which more is kept on disk than the bit `used`."""

_CHANGE = struct.Struct("<BBI")
_SIZE = struct.Struct("<Q")


def bits_of(detail: Detail) -> int:
    """The sets a number with this detail belongs to, as a mask of their places."""
    return (
        int(detail.used)
        | bool(detail.listings) << 1
        | (detail.void is not None) << 2
        | detail.contested << 3
        | bool(detail.claims) << 4
        | (not detail.is_plain()) << 5
    )


class Changes:
    """What one step adds to the sets and takes from them."""

    def __init__(self) -> None:
        self._changes: list[tuple[int, bool, array[int]]] = []

    def used(self, codes: Iterable[int]) -> None:
        """Numbers that are used now."""
        self._changes.append((USED, True, array("Q", codes)))

    def moved(self, code: int, before: int, after: int) -> None:
        """One number went from the sets of one mask to those of another."""
        for place in range(len(NAMES)):
            if (before ^ after) >> place & 1:
                self._changes.append((place, bool(after >> place & 1), array("Q", (code,))))

    def __bool__(self) -> bool:
        return bool(self._changes)

    def pack(self) -> bytes:
        """As bytes for the store."""
        return b"".join(
            _CHANGE.pack(place, added, len(codes)) + codes.tobytes() for place, added, codes in self._changes
        )

    @staticmethod
    def unpack(packed: bytes) -> Changes:
        """What `pack` wrote. Raises ValueError or struct.error for anything else."""
        changes = Changes()
        at = 0
        while at < len(packed):
            place, added, count = _CHANGE.unpack_from(packed, at)
            at += _CHANGE.size
            codes = array("Q")
            codes.frombytes(packed[at : at + 8 * count])
            if len(codes) != count or place >= len(NAMES):
                raise ValueError("a change that ends early or belongs to no set")
            at += 8 * count
            changes._changes.append((place, bool(added), codes))
        return changes

    def apply(self, sets: Sets) -> None:
        """Make them."""
        for place, added, codes in self._changes:
            if len(codes) == 1:
                (sets.maps[place].add if added else sets.maps[place].discard)(codes[0])
            elif added:
                sets.maps[place].update(codes)
            else:
                sets.maps[place] -= BitMap64(codes)


class Sets:
    """The bitmaps, in the order of NAMES."""

    def __init__(self, maps: list[BitMap64] | None = None) -> None:
        self.maps = maps or [BitMap64() for _ in NAMES]

    def mask(self, code: int) -> int:
        """The sets a number belongs to."""
        return sum(1 << place for place, numbers in enumerate(self.maps) if code in numbers)

    def sizes(self) -> dict[str, tuple[int, int]]:
        """By name: how many numbers, and the bytes of the bitmap as it is stored."""
        return {
            name: (len(numbers), len(numbers.serialize()))
            for name, numbers in zip(NAMES, self.maps, strict=True)
        }

    def pack(self) -> bytes:
        """As bytes, runs pressed together."""
        parts = []
        for numbers in self.maps:
            numbers.run_optimize()
            packed = numbers.serialize()
            parts += [_SIZE.pack(len(packed)), packed]
        return b"".join(parts)

    @staticmethod
    def unpack(packed: bytes) -> Sets:
        """What `pack` wrote. Raises ValueError or struct.error for anything else."""
        maps, at = [], 0
        for _ in NAMES:
            (size,) = _SIZE.unpack_from(packed, at)
            at += _SIZE.size
            if at + size > len(packed):
                raise ValueError("a bitmap ends early")
            maps.append(BitMap64.deserialize(packed[at : at + size]))
            at += size
        return Sets(maps)
