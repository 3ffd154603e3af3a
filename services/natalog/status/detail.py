"""What a status answer needs of one number beyond the bit "used": a reduced state, and its fold. Compiled.

`decision.state` keeps whatever a later decision may ask; this keeps what `gateway.status.find` asks, and must always
say the same (I5; tests/property/test_status_view.py folds random histories both ways). What the entry itself says
need not be decided again: a removal that took effect cites the listing (`first`), a withdrawal the registration.

A number that was used and nothing else has no detail. The facts such a number hides (when it was taken, by whom) are
never asked for: whatever is listed later has a greater seq, and a withdrawal names the registration.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import broker_time
from natalog.decision.commands import (
    ADD,
    APPROVE_REMOVE,
    REQUEST,
    VOID,
    BlacklistChange,
    Claim,
    Command,
    Completion,
    Filing,
    Invalidation,
    Release,
    Succession,
    Withdrawal,
)
from natalog.decision.listings import stated_listing
from natalog.decision.state import Held, Listing
from natalog.wire.hot import EntryView

FORMAT: Final = b"\x01"
UNKNOWN_SEQ: Final = -1
"""`standing_seq` of a number whose entry was not kept: earlier than all that is."""


class Detail:
    """Fields as in `decision.state.NumberState`, as far as they are kept."""

    def __init__(self) -> None:
        self.last_at: i64 = 0
        self.used: bool = False
        self.standing: str = ""  # registration id, "" where it was not kept
        self.standing_seq: i64 = UNKNOWN_SEQ
        self.contested: bool = False
        self.withdrawn: bool = False
        self.claims: list[Held] = []  # open at `last_at`; event ids are not kept
        self.listings: list[Listing] = []
        self.void: Listing | None = None
        self.relations: list[
            tuple[str, bool]
        ] = []  # predecessor, and whether a registration reaches here from it
        self.filed: list[str] = []  # registration ids filed here, but for the one that stands unknown
        self.completed: list[str] = []  # completed, neither withdrawn nor filed

    def is_plain(self) -> bool:
        """Whether it says no more than that the number is used, or nothing at all."""
        if (
            self.contested
            or self.withdrawn
            or self.void is not None
            or self.claims
            or self.listings
            or self.relations
            or self.completed
        ):
            return False
        if not self.filed:
            return True
        return self.used and len(self.filed) == 1 and self.filed[0] == self.standing

    def inherits(self) -> bool:
        """Whether a registration on another number reaches this one."""
        return any(reaches for _, reaches in self.relations)


def fold(state: Detail, command: Command, entry: EntryView) -> None:
    """`state` after a valid entry that is neither REPEATED nor MISROUTED, whose input is `command`."""
    received_at: i64 = broker_time(entry.received_at)
    if received_at > state.last_at:
        state.last_at = received_at
    if isinstance(command, Filing):
        _filing(state, command, entry)
    elif entry.verdict != codes.ACCEPTED:
        pass
    elif isinstance(command, Claim):
        _claim(state, command.unit_code, entry, received_at)
    elif isinstance(command, Release):
        _release(state, command.unit_code)
    elif isinstance(command, Completion):
        registration = command.registration_id
        if registration not in state.filed and registration not in state.completed:
            state.completed.append(registration)
    elif isinstance(command, Withdrawal):
        _withdrawal(state, command, entry)
    elif isinstance(command, BlacklistChange):
        _blacklist(state, command, entry, received_at)
    elif isinstance(command, Invalidation):
        if command.action != VOID:
            state.void = None
        elif state.void is None:
            state.void = stated_listing(command.issuer, command.effective_at, entry.seq, received_at, "")
    elif isinstance(command, Succession):
        _succession(state, command, entry)
    state.claims = [held for held in state.claims if held.open_at(state.last_at)]


def _filing(state: Detail, filing: Filing, entry: EntryView) -> None:
    registration = filing.registration_id
    if registration not in state.filed:
        state.filed.append(registration)
    if registration in state.completed:
        state.completed.remove(registration)
    if entry.flags & codes.CONTESTED:
        state.contested = True
    if entry.verdict != codes.ACCEPTED or entry.flags & codes.AMENDMENT:
        return
    state.used = True
    state.standing = registration
    state.standing_seq = entry.seq
    state.claims = []


def _claim(state: Detail, unit: str, entry: EntryView, received_at: i64) -> None:
    for held in state.claims:
        if held.unit_code == unit and held.open_at(state.last_at):
            held.expires_at = entry.claim_expires_at
            return
    state.claims.append(Held(unit, entry.seq, received_at, entry.claim_expires_at, []))


def _release(state: Detail, unit: str) -> None:
    state.claims = [held for held in state.claims if held.unit_code != unit]


def _withdrawal(state: Detail, withdrawal: Withdrawal, entry: EntryView) -> None:
    registration = withdrawal.registration_id
    if withdrawal.action == REQUEST:
        if entry.first < 0 and registration in state.completed:
            state.completed.remove(registration)
        return
    if entry.first < 0 or withdrawal.request_id is None:
        return
    state.used = False
    state.standing = ""
    state.standing_seq = UNKNOWN_SEQ
    state.withdrawn = True
    if registration not in state.filed:
        state.filed.append(registration)
    if registration in state.completed:
        state.completed.remove(registration)


def _blacklist(state: Detail, change: BlacklistChange, entry: EntryView, received_at: i64) -> None:
    if change.action == ADD:
        for listed in state.listings:
            if listed.owner == change.owner:
                return
        state.listings.append(stated_listing(change.owner, change.effective_at, entry.seq, received_at, ""))
    elif change.action == APPROVE_REMOVE and entry.first >= 0:
        state.listings = [kept for kept in state.listings if kept.owner != change.owner]


def _succession(state: Detail, succession: Succession, entry: EntryView) -> None:
    if entry.flags & codes.CONTESTED:
        state.contested = True
    predecessor = succession.predecessor
    if predecessor is None:
        return
    state.relations = [known for known in state.relations if known[0] != predecessor]
    if not succession.ended and succession.number not in succession.chain:
        registration = succession.registration_id
        state.relations.append((predecessor, registration is not None and registration != ""))


_USED: Final = 1
_CONTESTED: Final = 2
_WITHDRAWN: Final = 4
_VOID: Final = 8


def varint(n: i64) -> bytes:
    """LEB128 of n ≥ 0."""
    out = bytearray()
    while n > 127:
        out.append(int(n & 127 | 128))
        n >>= 7
    out.append(int(n))
    return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return varint(len(raw)) + raw


def pack(state: Detail) -> bytes:
    """As bytes for the store."""
    mask: i64 = 0
    if state.used:
        mask |= _USED
    if state.contested:
        mask |= _CONTESTED
    if state.withdrawn:
        mask |= _WITHDRAWN
    void = state.void
    if void is not None:
        mask |= _VOID
    out: list[bytes] = [FORMAT, varint(mask), varint(state.last_at), varint(state.standing_seq + 1)]
    out.append(_text(state.standing))
    if void is not None:
        _pack_listing(out, void)
    out.append(varint(len(state.listings)))
    for listed in state.listings:
        _pack_listing(out, listed)
    out.append(varint(len(state.claims)))
    for held in state.claims:
        out.append(_text(held.unit_code))
        out.append(varint(held.expires_at))
    out.append(varint(len(state.relations)))
    for predecessor, reaches in state.relations:
        out.append(_text(predecessor))
        out.append(b"\x01" if reaches else b"\x00")
    for registrations in (state.filed, state.completed):
        out.append(varint(len(registrations)))
        for registration in registrations:
            out.append(_text(registration))
    return b"".join(out)


def _pack_listing(out: list[bytes], listed: Listing) -> None:
    out.append(_text(listed.owner))
    out.append(varint(listed.seq))
    out.append(varint(listed.binds_from))


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data: bytes = data
        self.at: i64 = 1

    def long(self) -> i64:
        n: i64 = 0
        shift: i64 = 0
        while True:
            byte: i64 = self.data[self.at]
            self.at += 1
            n |= (byte & 127) << shift
            if byte < 128:
                return n
            shift += 7

    def text(self) -> str:
        size = self.long()
        start: i64 = self.at
        self.at = start + size
        return self.data[start : start + size].decode()

    def listing(self) -> Listing:
        owner = self.text()
        seq = self.long()
        binds_from = self.long()
        return Listing(owner, seq, binds_from, binds_from, "")

    def texts(self) -> list[str]:
        out: list[str] = []
        for _ in range(self.long()):
            out.append(self.text())
        return out


def unpack(data: bytes) -> Detail:
    """What `pack` wrote. Raises ValueError for another format."""
    if data[0:1] != FORMAT:
        raise ValueError("a detail of another format")
    cursor = _Cursor(data)
    state = Detail()
    mask = cursor.long()
    state.used = mask & _USED != 0
    state.contested = mask & _CONTESTED != 0
    state.withdrawn = mask & _WITHDRAWN != 0
    state.last_at = cursor.long()
    state.standing_seq = cursor.long() - 1
    state.standing = cursor.text()
    if mask & _VOID:
        state.void = cursor.listing()
    for _ in range(cursor.long()):
        state.listings.append(cursor.listing())
    for _ in range(cursor.long()):
        unit = cursor.text()
        state.claims.append(Held(unit, 0, 0, cursor.long(), []))
    for _ in range(cursor.long()):
        predecessor = cursor.text()
        cursor.at += 1
        state.relations.append((predecessor, data[cursor.at - 1] == 1))
    state.filed = cursor.texts()
    state.completed = cursor.texts()
    return state
