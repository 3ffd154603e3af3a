"""A position of the ledger as text: how many entries of each partition count, and which entries they were.

`0:120,1:98/3f9a0c11d2e4b5a6`: the first 120 entries of partition 0 and the first 98 of partition 1. What follows the
slash is the check: the first 16 hex digits of the SHA-256 over a line `partition:seq:hash` for each partition, hash
being that of the last entry that counts. It may be left out.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

GENESIS = bytes(32)
"""Stands for the hash of the last entry where a partition has none."""


class BadPosition(ValueError):
    """The text is no position."""


class NotThere(Exception):
    """The projection cannot answer as of the position: it is not that far, or was folded from other entries."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A position somebody asks for."""

    seqs: dict[int, int]
    check: str | None

    @classmethod
    def parse(cls, text: str) -> Asked:
        """Raises BadPosition with a sentence."""
        found = re.fullmatch(
            r"([0-9]{1,5}:[0-9]{1,18}(?:,[0-9]{1,5}:[0-9]{1,18})*)(?:/([0-9a-f]{16}))?", text
        )
        if found is None:
            raise BadPosition(
                f"{text!r} is no position. One looks like 0:120,1:98/3f9a0c11d2e4b5a6; "
                "without --at the present one is taken, and printed"
            )
        seqs: dict[int, int] = {}
        for part in found[1].split(","):
            partition, _, seq = part.partition(":")
            if int(partition) in seqs:
                raise BadPosition(f"partition {int(partition)} stands twice in the position")
            seqs[int(partition)] = int(seq)
        return cls(seqs, found[2])


@dataclass(frozen=True, slots=True)
class Head:
    """How far one partition counts."""

    partition: int
    seq: int
    """Entries that count: the seq of the first that does not."""
    hash: bytes | None
    """SHA-256 of the last entry that counts; None where the reader may not see it (a province's role)."""


@dataclass(frozen=True, slots=True)
class Position:
    """Heads in order of partition."""

    heads: tuple[Head, ...]

    @property
    def check(self) -> str | None:
        """The check, None where a hash is not to be seen."""
        lines = []
        for head in self.heads:
            if head.hash is None:
                return None
            lines.append(f"{head.partition}:{head.seq}:{head.hash.hex()}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]

    @property
    def text(self) -> str:
        """What `--at` takes."""
        seqs = ",".join(f"{head.partition}:{head.seq}" for head in self.heads)
        return seqs if self.check is None else f"{seqs}/{self.check}"


def within(asked: Asked, reached: dict[int, int]) -> None:
    """That a projection that has `reached` so many entries by partition can answer. Raises NotThere, BadPosition."""
    unknown = sorted(set(asked.seqs) - set(reached))
    if unknown:
        raise NotThere(f"the projection has no partition {unknown[0]}; it has {_list(reached)}")
    unnamed = sorted(set(reached) - set(asked.seqs))
    if unnamed:
        raise BadPosition(
            f"the position does not name partition {unnamed[0]}: name every one, with 0 if need be"
        )
    beyond = [(p, seq) for p, seq in sorted(asked.seqs.items()) if seq > reached[p]]
    if beyond:
        parts = "; ".join(f"partition {p}: asked {seq}, reached {reached[p]}" for p, seq in beyond)
        raise NotThere(f"the projection is not that far yet ({parts}). It can answer as of {_list(reached)}")


def _list(seqs: dict[int, int]) -> str:
    return ",".join(f"{partition}:{seq}" for partition, seq in sorted(seqs.items()))
