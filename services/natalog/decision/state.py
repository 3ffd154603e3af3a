"""What the ledger says about one key: a certificate number, or `r:` + registration id.

Only what a later decision can depend on is kept. Every field is a fold over the key's entries; none of it
needs a rule set, so an entry decided under any set folds alike. Times are UTC milliseconds, −1 where none.
`seq` is an entry's place in its partition.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i64_be, write_i64_be
from mypy_extensions import i64

OPEN: Final = 0
RELEASED: Final = 1
ENDED: Final = 2  # by the filing that took the number

# What a request is about: one of these and the registration id, or the owner.
WITHDRAWAL: Final = "w:"
REMOVAL: Final = "b:"


SEEN_SIZE: Final = 56
"""Bytes that `NumberState.seen` takes for each record: event id (16), content hash (32), seq (8, big-endian)."""
_CONTENT: Final = 16
_SEQ: Final = 48


def seen_record(event_id: bytes, content: bytes, seq: i64) -> bytes:
    """One record as `NumberState.seen` holds it."""
    w = BytesWriter()
    w.write(event_id)
    w.write(content)
    write_i64_be(w, seq)
    return w.getvalue()


def find_seen(seen: bytes, event_id: bytes, start: i64) -> i64:
    """Where in `seen`, from `start` on, the next record with an event id begins; −1 when there is none."""
    size: i64 = len(seen)
    first: i64 = event_id[0]
    at: i64 = start
    while at < size:
        if seen[at] == first and seen[at : at + _CONTENT] == event_id:
            return at
        at += SEEN_SIZE
    return -1


def seen_seq(seen: bytes, at: i64) -> i64:
    """seq of the entry that decided the record that begins at `at`."""
    return read_i64_be(seen, at + _SEQ)


def seen_before(seen: bytes, event_id: bytes, content: bytes) -> i64:
    """seq of the entry that decided a record with this event id and this content; −1 when there is none."""
    at: i64 = find_seen(seen, event_id, 0)
    while at >= 0:
        if seen[at + _CONTENT : at + _SEQ] == content:
            return seen_seq(seen, at)
        at = find_seen(seen, event_id, at + SEEN_SIZE)
    return -1


class Registration:
    """What is known of one registration id on this key, whether it stands or not."""

    def __init__(self, registration_id: str, unit_code: str) -> None:
        self.registration_id: str = registration_id
        self.unit_code: str = unit_code
        self.completed_at: i64 = -1  # received_at of its first completion
        self.completed_seq: i64 = -1
        self.due_from: i64 = -1  # an obligation is open since this time; -1: none open
        self.filed: bool = False
        self.timed: bool = False
        self.withdrawn: bool = False  # its completion was withdrawn before any filing stood


class Held:
    """One claim with its renewals."""

    def __init__(
        self, unit_code: str, seq: i64, granted_at: i64, expires_at: i64, event_ids: list[bytes]
    ) -> None:
        self.unit_code: str = unit_code
        self.seq: i64 = seq  # of the first grant
        self.granted_at: i64 = granted_at  # received_at of the first grant
        self.expires_at: i64 = expires_at
        self.event_ids: list[bytes] = event_ids
        self.end: i64 = OPEN

    def open_at(self, at: i64) -> bool:
        """Whether it still reserves the number; it is expired at the very millisecond of its expiry."""
        return self.end == OPEN and at < self.expires_at


class Request:
    """A request that a second person has yet to approve."""

    def __init__(self, event_id: bytes, sub: str, about: str) -> None:
        self.event_id: bytes = event_id
        self.sub: str = sub
        self.about: str = about


class Approval:
    """A request that was approved, kept so that approving it twice is no fuss."""

    def __init__(self, request_id: bytes, about: str) -> None:
        self.request_id: bytes = request_id
        self.about: str = about


class Listing:
    """The number stands on the blacklist of `owner`, or is void by issuer `owner`."""

    def __init__(self, owner: str, seq: i64, binds_from: i64, effective_at: i64, replaced_by: str) -> None:
        self.owner: str = owner
        self.seq: i64 = seq
        self.binds_from: i64 = binds_from  # max(received_at, effective_at)
        self.effective_at: i64 = effective_at  # as stated, else when it was received
        self.replaced_by: str = replaced_by  # voids only; "" none


class Relation:
    """This number was issued in exchange for `predecessor`."""

    def __init__(self, predecessor: str, registration_id: str, chain: list[str], seq: i64) -> None:
        self.predecessor: str = predecessor
        self.registration_id: str = registration_id  # "" where none stands there
        self.chain: list[str] = chain
        self.seq: i64 = seq


class NumberState:
    """The fold of one key's entries.

    Most numbers have one registration and nothing else, so what is mostly empty is a tuple: an empty one costs nothing.
    """

    def __init__(self) -> None:
        self.last_at: i64 = 0  # decision time of the last entry
        self.contested: bool = False
        self.withdrawn: bool = False  # a standing registration was withdrawn once
        self.standing: i64 = -1  # index into registrations
        self.standing_seq: i64 = -1  # the entry that took the number
        self.seen: bytes = b""  # every record decided here, in order; see SEEN_SIZE
        self.registrations: tuple[Registration, ...] = ()
        self.claims: tuple[Held, ...] = ()
        self.listings: tuple[Listing, ...] = ()
        self.void: Listing | None = None
        self.relations: tuple[Relation, ...] = ()
        self.requests: tuple[Request, ...] = ()
        self.approvals: tuple[Approval, ...] = ()

    def registration(self, registration_id: str) -> Registration | None:
        for known in self.registrations:
            if known.registration_id == registration_id:
                return known
        return None

    def stands(self) -> Registration | None:
        """The registration that stands on this number."""
        return self.registrations[self.standing] if self.standing >= 0 else None

    def own_claim(self, unit_code: str) -> Held | None:
        """The unit's latest claim, open or not."""
        latest: Held | None = None
        for held in self.claims:
            if held.unit_code == unit_code:
                latest = held
        return latest

    def foreign_claim(self, unit_code: str, at: i64) -> Held | None:
        """A claim of another unit that is open at `at`."""
        for held in self.claims:
            if held.unit_code != unit_code and held.open_at(at):
                return held
        return None

    def listing(self, owner: str) -> Listing | None:
        for listed in self.listings:
            if listed.owner == owner:
                return listed
        return None

    def was_approved(self, request_id: bytes | None, about: str) -> bool:
        """Whether this very request, about this, was approved before."""
        return any(a.request_id == request_id and a.about == about for a in self.approvals)

    def request(self, request_id: bytes | None, about: str) -> Request | None:
        for request in self.requests:
            if request.event_id == request_id and request.about == about:
                return request
        return None

    def inherited(self) -> Relation | None:
        """The first relation through which a registration on another number reaches this one."""
        for relation in self.relations:
            if relation.registration_id != "":
                return relation
        return None
