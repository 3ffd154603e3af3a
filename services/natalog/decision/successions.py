"""Successions (换发承继): what an exchanged certificate hands on to the one issued in its place.

Without this a replaced certificate is a spare one, good for a second child. The registrar sends a Succession
to the successor whenever what the predecessor hands on changes: it was voided with `replaced_by`, used,
withdrawn, reinstated, or learnt the same from its own predecessor. Each carries the chain of numbers it came
through, as a path-vector routing protocol does (RFC 4271 section 9.1.2), and a number that finds itself in the
chain takes no part: cycles die out.
"""

from __future__ import annotations

import hashlib
from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.commands import Succession
from natalog.decision.state import NumberState, Relation
from natalog.decision.verdict import Decision, accepted

LONGEST_CHAIN: Final = 64


class Handed:
    """What a void number hands on: the registration ("" none) and the numbers it comes through."""

    def __init__(self, target: str, registration_id: str, chain: list[str]) -> None:
        self.target: str = target
        self.registration_id: str = registration_id
        self.chain: list[str] = chain


class Emission:
    """A Succession to be sent: see schemas/Succession.avsc. "" stands for null."""

    def __init__(self, event_id: bytes, target: str) -> None:
        self.event_id: bytes = event_id
        self.target: str = target
        self.predecessor: str = ""
        self.registration_id: str = ""
        self.chain: list[str] = []
        self.ended: bool = False
        self.contested_by: str = ""


def uuid5(namespace: bytes, name: str) -> bytes:
    """RFC 9562 UUIDv5, 16 bytes."""
    digest = bytearray(hashlib.sha1(namespace + name.encode(), usedforsecurity=False).digest()[0:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def handed_on(state: NumberState, number: str) -> Handed | None:
    """What `number` hands on now; None while it is not void with a replacement, or the chain is too long."""
    void = state.void
    if void is None or void.replaced_by == "":
        return None
    standing = state.stands()
    if standing is not None:
        return Handed(void.replaced_by, standing.registration_id, [number])
    inherited = state.inherited()
    if inherited is not None and len(inherited.chain) < LONGEST_CHAIN:
        return Handed(void.replaced_by, inherited.registration_id, [*inherited.chain, number])
    return Handed(void.replaced_by, "", [number])


def decide_succession(state: NumberState, succession: Succession) -> Decision:
    """Always accepted. A successor that another registration took before is contested, and so its predecessor."""
    flags: i64 = codes.SUCCESSION
    first: i64 = -1
    standing = state.stands()
    if succession.contested_by is not None:
        flags |= codes.CONTESTED
        first = state.standing_seq
    registration = succession.registration_id
    if (
        registration is not None
        and standing is not None
        and standing.registration_id != registration
        and not _takes_no_part(succession)
    ):
        flags |= codes.SUCCEEDED_AFTER_USE | codes.CONTESTED
        first = state.standing_seq
    return accepted(flags, first)


def _takes_no_part(succession: Succession) -> bool:
    return succession.predecessor is None or succession.ended or succession.number in succession.chain


def apply_succession(state: NumberState, succession: Succession, decision: Decision, seq: i64) -> None:
    if decision.flags & codes.CONTESTED:
        state.contested = True
    predecessor = succession.predecessor
    if predecessor is None:
        return
    kept = [relation for relation in state.relations if relation.predecessor != predecessor]
    if not _takes_no_part(succession):
        registration = succession.registration_id
        kept.append(
            Relation(predecessor, "" if registration is None else registration, succession.chain, seq)
        )
    state.relations = tuple(kept)


def emissions(number: str, event_id: bytes, before: Handed | None, after: Handed | None) -> list[Emission]:
    """The Successions that tell the successor what changed between `before` and `after` one entry."""
    out: list[Emission] = []
    if before is not None and (after is None or after.target != before.target):
        ended = _emission(number, event_id, before.target)
        ended.ended = True
        out.append(ended)
    if after is not None and (
        before is None
        or before.target != after.target
        or before.registration_id != after.registration_id
        or before.chain != after.chain
    ):
        told = _emission(number, event_id, after.target)
        told.registration_id = after.registration_id
        told.chain = after.chain
        out.append(told)
    return out


def _emission(number: str, event_id: bytes, target: str) -> Emission:
    emission = Emission(uuid5(event_id, target), target)
    emission.predecessor = number
    return emission


def notice_back(number: str, succession: Succession, out: list[Emission]) -> None:
    """Adds to `out` the notice that tells the predecessor of a contested successor, `number`."""
    predecessor = succession.predecessor
    if predecessor is None:
        return
    for emission in out:
        if emission.target == predecessor:
            emission.contested_by = number
            return
    emission = Emission(uuid5(succession.event_id, predecessor), predecessor)
    emission.contested_by = number
    out.append(emission)
