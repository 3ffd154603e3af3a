"""A number's state as bytes, for the store. Not a published format: a store is refolded when it changes.

Layout: FORMAT byte, varint mask of the sections that are not empty, `last_at`, then the sections in order.
Varints are LEB128; what may be absent has a mark of its own, so nothing negative is ever written. Written through
mypyc's own BytesWriter (librt), which compiled code appends to without a call per byte.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from natalog.decision.state import (
    SEEN_SIZE,
    Approval,
    Held,
    Listing,
    NumberState,
    Registration,
    Relation,
    Request,
)

FORMAT: Final = b"\x02"


def _put(w: BytesWriter, n: i64) -> None:
    """LEB128 of n ≥ 0."""
    while n > 127:
        w.append(u8(n & 127 | 128))
        n >>= 7
    w.append(u8(n))


def _text(w: BytesWriter, text: str) -> None:
    raw = text.encode("utf-8")
    _put(w, len(raw))
    w.write(raw)


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
        return self.raw(self.long()).decode("utf-8")


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
    w = BytesWriter()
    w.write(FORMAT)
    _put(w, _sections(state))
    _put(w, state.last_at)
    if state.standing >= 0:
        _put(w, state.standing)
        _put(w, state.standing_seq)
    if state.seen:
        _put(w, len(state.seen) // SEEN_SIZE)
        w.write(state.seen)
    if state.registrations:
        _put(w, len(state.registrations))
        for known in state.registrations:
            _pack_registration(w, known)
    if state.claims:
        _put(w, len(state.claims))
        for held in state.claims:
            _pack_claim(w, held)
    if state.listings:
        _put(w, len(state.listings))
        for listed in state.listings:
            _pack_listing(w, listed)
    if state.void is not None:
        _pack_listing(w, state.void)
    if state.relations:
        _put(w, len(state.relations))
        for relation in state.relations:
            _text(w, relation.predecessor)
            _text(w, relation.registration_id)
            _put(w, len(relation.chain))
            for number in relation.chain:
                _text(w, number)
            _put(w, relation.seq)
    if state.requests:
        _put(w, len(state.requests))
        for request in state.requests:
            w.write(request.event_id)
            _text(w, request.sub)
            _text(w, request.about)
    if state.approvals:
        _put(w, len(state.approvals))
        for approval in state.approvals:
            w.write(approval.request_id)
            _text(w, approval.about)
    return w.getvalue()


def _sections(state: NumberState) -> i64:
    """Which sections are not empty, as a mask."""
    mask: i64 = 0
    if state.contested:
        mask |= _CONTESTED
    if state.withdrawn:
        mask |= _WITHDRAWN
    if state.standing >= 0:
        mask |= _STANDING
    if state.seen:
        mask |= _SEEN
    if state.registrations:
        mask |= _REGISTRATIONS
    if state.claims:
        mask |= _CLAIMS
    if state.listings:
        mask |= _LISTINGS
    if state.void is not None:
        mask |= _VOID
    if state.relations:
        mask |= _RELATIONS
    if state.requests:
        mask |= _REQUESTS
    if state.approvals:
        mask |= _APPROVALS
    return mask


def _pack_registration(w: BytesWriter, known: Registration) -> None:
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
    _text(w, known.registration_id)
    _text(w, known.unit_code)
    w.append(u8(marks))
    if marks & 8:
        _put(w, known.completed_at)
        _put(w, known.completed_seq)
    if marks & 16:
        _put(w, known.due_from)


def _pack_claim(w: BytesWriter, held: Held) -> None:
    _text(w, held.unit_code)
    _put(w, held.seq)
    _put(w, held.granted_at)
    _put(w, held.expires_at)
    _put(w, held.end)
    _put(w, len(held.event_ids))
    for event_id in held.event_ids:
        w.write(event_id)


def _pack_listing(w: BytesWriter, listed: Listing) -> None:
    _text(w, listed.owner)
    _put(w, listed.seq)
    _put(w, listed.binds_from)
    _put(w, listed.effective_at)
    _text(w, listed.replaced_by)


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
        state.seen = cursor.raw(SEEN_SIZE * cursor.long())
    if mask & _REGISTRATIONS:
        state.registrations = tuple([_registration(cursor) for _ in range(cursor.long())])
    if mask & _CLAIMS:
        state.claims = tuple([_claim(cursor) for _ in range(cursor.long())])
    if mask & _LISTINGS:
        state.listings = tuple([_listing(cursor) for _ in range(cursor.long())])
    if mask & _VOID:
        state.void = _listing(cursor)
    if mask & _RELATIONS:
        state.relations = tuple([_relation(cursor) for _ in range(cursor.long())])
    if mask & _REQUESTS:
        state.requests = tuple([_request(cursor) for _ in range(cursor.long())])
    if mask & _APPROVALS:
        state.approvals = tuple([_approval(cursor) for _ in range(cursor.long())])
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


def _relation(cursor: _Cursor) -> Relation:
    predecessor = cursor.text()
    registration_id = cursor.text()
    chain = [cursor.text() for _ in range(cursor.long())]
    return Relation(predecessor, registration_id, chain, cursor.long())


def _request(cursor: _Cursor) -> Request:
    event_id = cursor.raw(16)
    sub = cursor.text()
    return Request(event_id, sub, cursor.text())


def _approval(cursor: _Cursor) -> Approval:
    request_id = cursor.raw(16)
    return Approval(request_id, cursor.text())
