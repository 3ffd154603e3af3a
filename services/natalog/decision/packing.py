"""A number's state as bytes, for the store. Not a published format: a store is refolded when it changes.

Layout: FORMAT byte, varint mask of the sections that are not empty, `last_at`, then the sections in order.
Varints are LEB128; what may be absent has a mark of its own, so nothing negative is ever written.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision.state import Approval, Held, Listing, NumberState, Registration, Relation, Request, Seen

FORMAT: Final = b"\x01"


def _small() -> list[bytes]:
    return [bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7]) for n in range(16384)]


_SMALL: Final[list[bytes]] = _small()
_CONTINUED: Final[list[bytes]] = [bytes([n & 127 | 128, n >> 7 | 128]) for n in range(16384)]


def varint(n: i64) -> bytes:
    """LEB128 of n ≥ 0."""
    if n < 16384:
        return _SMALL[n]
    high: i64 = n >> 14
    if high < 16384:
        return _CONTINUED[n & 16383] + _SMALL[high]
    return _CONTINUED[n & 16383] + _CONTINUED[high & 16383] + varint(high >> 14)


def _text(text: str) -> bytes:
    raw = text.encode()
    return varint(len(raw)) + raw


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data: bytes = data
        self.at: i64 = 1

    def long(self) -> i64:
        data = self.data
        at: i64 = self.at
        byte: i64 = data[at]
        at += 1
        n: i64 = byte & 127
        shift: i64 = 7
        while byte >= 128:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
        self.at = at
        return n

    def raw(self, size: i64) -> bytes:
        at: i64 = self.at
        self.at = at + size
        return self.data[at : at + size]

    def text(self) -> str:
        return self.raw(self.long()).decode()


_SEEN: Final = 1
_REGISTRATIONS: Final = 2
_CLAIMS: Final = 4
_LISTINGS: Final = 8
_VOID: Final = 16
_RELATIONS: Final = 32
_REQUESTS: Final = 64
_APPROVALS: Final = 128
_STANDING: Final = 256
_CONTESTED: Final = 512
_WITHDRAWN: Final = 1024


def pack(state: NumberState) -> bytes:
    """`state` as bytes."""
    mask: i64 = 0
    out: list[bytes] = [FORMAT, b"", varint(state.last_at)]
    if state.contested:
        mask |= _CONTESTED
    if state.withdrawn:
        mask |= _WITHDRAWN
    if state.standing >= 0:
        mask |= _STANDING
        out.append(varint(state.standing))
        out.append(varint(state.standing_seq))
    if len(state.seen) > 0:
        mask |= _SEEN
        out.append(varint(len(state.seen)))
        for seen in state.seen:
            out.append(seen.event_id)
            out.append(seen.content)
            out.append(varint(seen.seq))
    if len(state.registrations) > 0:
        mask |= _REGISTRATIONS
        out.append(varint(len(state.registrations)))
        for known in state.registrations:
            _pack_registration(out, known)
    if len(state.claims) > 0:
        mask |= _CLAIMS
        out.append(varint(len(state.claims)))
        for held in state.claims:
            _pack_claim(out, held)
    if len(state.listings) > 0:
        mask |= _LISTINGS
        out.append(varint(len(state.listings)))
        for listed in state.listings:
            _pack_listing(out, listed)
    if state.void is not None:
        mask |= _VOID
        _pack_listing(out, state.void)
    if len(state.relations) > 0:
        mask |= _RELATIONS
        out.append(varint(len(state.relations)))
        for relation in state.relations:
            out.append(_text(relation.predecessor))
            out.append(_text(relation.registration_id))
            out.append(varint(len(relation.chain)))
            for number in relation.chain:
                out.append(_text(number))
            out.append(varint(relation.seq))
    if len(state.requests) > 0:
        mask |= _REQUESTS
        out.append(varint(len(state.requests)))
        for request in state.requests:
            out.append(request.event_id)
            out.append(_text(request.sub))
            out.append(_text(request.about))
    if len(state.approvals) > 0:
        mask |= _APPROVALS
        out.append(varint(len(state.approvals)))
        for approval in state.approvals:
            out.append(approval.request_id)
            out.append(_text(approval.about))
    out[1] = varint(mask)
    return b"".join(out)


def _pack_registration(out: list[bytes], known: Registration) -> None:
    marks: i64 = 0
    if known.filed:
        marks |= 1
    if known.timed:
        marks |= 2
    if known.withdrawn:
        marks |= 4
    if known.completed_seq >= 0:
        marks |= 8
    if known.due_from >= 0:
        marks |= 16
    out.append(_text(known.registration_id))
    out.append(_text(known.unit_code))
    out.append(varint(marks))
    if marks & 8:
        out.append(varint(known.completed_at))
        out.append(varint(known.completed_seq))
    if marks & 16:
        out.append(varint(known.due_from))


def _pack_claim(out: list[bytes], held: Held) -> None:
    out.append(_text(held.unit_code))
    out.append(varint(held.seq))
    out.append(varint(held.granted_at))
    out.append(varint(held.expires_at))
    out.append(varint(held.end))
    out.append(varint(len(held.event_ids)))
    out.extend(held.event_ids)


def _pack_listing(out: list[bytes], listed: Listing) -> None:
    out.append(_text(listed.owner))
    out.append(varint(listed.seq))
    out.append(varint(listed.binds_from))
    out.append(varint(listed.effective_at))
    out.append(_text(listed.replaced_by))


def unpack(data: bytes) -> NumberState:
    """The state `pack` wrote. Raises ValueError for another format: refold the store then."""
    if data[0:1] != FORMAT:
        raise ValueError("state of another format")
    cursor = _Cursor(data)
    mask: i64 = cursor.long()
    state = NumberState()
    state.last_at = cursor.long()
    state.contested = mask & _CONTESTED != 0
    state.withdrawn = mask & _WITHDRAWN != 0
    if mask & _STANDING:
        state.standing = cursor.long()
        state.standing_seq = cursor.long()
    if mask & _SEEN:
        for _ in range(cursor.long()):
            event_id = cursor.raw(16)
            content = cursor.raw(32)
            state.seen.append(Seen(event_id, content, cursor.long()))
    if mask & _REGISTRATIONS:
        for _ in range(cursor.long()):
            state.registrations.append(_registration(cursor))
    if mask & _CLAIMS:
        for _ in range(cursor.long()):
            state.claims.append(_claim(cursor))
    if mask & _LISTINGS:
        for _ in range(cursor.long()):
            state.listings.append(_listing(cursor))
    if mask & _VOID:
        state.void = _listing(cursor)
    if mask & _RELATIONS:
        for _ in range(cursor.long()):
            predecessor = cursor.text()
            registration_id = cursor.text()
            chain: list[str] = []
            for _ in range(cursor.long()):
                chain.append(cursor.text())
            state.relations.append(Relation(predecessor, registration_id, chain, cursor.long()))
    if mask & _REQUESTS:
        for _ in range(cursor.long()):
            event_id = cursor.raw(16)
            sub = cursor.text()
            state.requests.append(Request(event_id, sub, cursor.text()))
    if mask & _APPROVALS:
        for _ in range(cursor.long()):
            event_id = cursor.raw(16)
            state.approvals.append(Approval(event_id, cursor.text()))
    return state


def _registration(cursor: _Cursor) -> Registration:
    registration_id = cursor.text()
    known = Registration(registration_id, cursor.text())
    marks: i64 = cursor.long()
    known.filed = marks & 1 != 0
    known.timed = marks & 2 != 0
    known.withdrawn = marks & 4 != 0
    if marks & 8:
        known.completed_at = cursor.long()
        known.completed_seq = cursor.long()
    if marks & 16:
        known.due_from = cursor.long()
    return known


def _claim(cursor: _Cursor) -> Held:
    unit = cursor.text()
    seq: i64 = cursor.long()
    granted: i64 = cursor.long()
    expires: i64 = cursor.long()
    end: i64 = cursor.long()
    held = Held(unit, seq, granted, expires, [])
    held.end = end
    for _ in range(cursor.long()):
        held.event_ids.append(cursor.raw(16))
    return held


def _listing(cursor: _Cursor) -> Listing:
    owner = cursor.text()
    seq: i64 = cursor.long()
    binds: i64 = cursor.long()
    effective: i64 = cursor.long()
    return Listing(owner, seq, binds, effective, cursor.text())
