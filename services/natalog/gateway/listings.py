"""Blacklist entries by owner, and the verdicts of ranges: rows beside the replica's states, and the questions to them.

The rows are a fold of the ledger. `rows` makes them from one valid entry, and the replica writes them in the same step
as its states and its position; losing them costs a refold. They hold nothing but what the entry says.
"""

from __future__ import annotations

import heapq
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Protocol

import orjson

from natalog.decision.divisions import contains
from natalog.events import BlacklistAction, BlacklistChange, Entry, Invalidation, Verdict
from natalog.gateway.verdict import rfc3339
from natalog.wire import codec
from natalog.wire.hot import RECORD_INPUT, EntryView, read_command
from natalog.wire.schemas import HEADER_SIZE, SCHEMAS

FORMAT: Final = "listings 2"
"""Names the form of the rows: a store that holds another is folded anew."""

_HEADERS: Final = frozenset(
    version.header for name in ("BlacklistChange", "Invalidation") for version in SCHEMAS[name].versions
)
_CONTENT: Final = 16
"""Bytes of a record's content hash that are kept."""
_BLACKLIST: Final = b"\x01b"
_RANGE: Final = b"\x01r"
_SCANNED: Final = 20_000
"""Numbers one question looks at; a page that ends there is short and has a cursor."""


class Rows(Protocol):
    """The rows of one partition, as they stand in a store: keys in order."""

    def items_from(self, first: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values, from `first` on."""
        ...

    def keys_from(self, first: bytes) -> Iterator[bytes]:
        """Keys, from `first` on."""
        ...


def event_id_in(range_id: uuid.UUID, number: str) -> uuid.UUID:
    """Event id of a number's own record in a range."""
    return uuid.uuid5(range_id, number)


def rows(entry: EntryView, value: bytes, offset: int) -> dict[bytes, bytes]:
    """Rows of a valid entry: of an accepted blacklist change, and of any record that came in a range."""
    if entry.kind != RECORD_INPUT or entry.input[:HEADER_SIZE] not in _HEADERS:
        return {}
    record = codec.decode(entry.input)
    decided = codec.decode(value)
    assert isinstance(record, BlacklistChange | Invalidation)
    assert isinstance(decided, Entry)
    made = {}
    place = offset.to_bytes(8, "big")
    number = record.certificate_number
    # A single record may name a range too, and is none of its numbers.
    if number and record.range_id and record.event_id == event_id_in(record.range_id, number):
        content = read_command(entry.input).content[:_CONTENT].hex()
        told = [decided.verdict.value, decided.reason or "", record.unit_code, content, *decided.flags]
        made[_RANGE + record.range_id.bytes + number.encode() + b"\x00" + place] = ",".join(told).encode()
    if isinstance(record, BlacklistChange) and decided.verdict is Verdict.ACCEPTED and number is not None:
        made[_BLACKLIST + record.owner.encode() + number.encode() + b"\x00" + place] = orjson.dumps(
            {
                "event_id": str(record.event_id),
                "action": record.action.value,
                "cause": record.cause,
                "effective_at": rfc3339(record.effective_at),
                "received_at": rfc3339(decided.received_at),
                "evidence_ref": record.evidence_ref,
                "request_id": None if record.request_id is None else str(record.request_id),
                "range_id": None if record.range_id is None else str(record.range_id),
                "unit_code": record.unit_code,
                "submitter": record.submitter.sub,
                "flags": list(decided.flags),
                "seq": decided.seq,
            }
        )
    return made


@dataclass(slots=True)
class Listed:
    """One owner's entry for one number, folded from its accepted changes; says the same as the number's state."""

    listed: bool = False
    since: dict[str, Any] | None = None
    requests: list[str] = field(default_factory=list)
    """Event ids of removal requests that nobody has approved yet."""
    _approved: set[str | None] = field(default_factory=set)

    def fold(self, change: dict[str, Any]) -> None:
        """The next accepted change, in order."""
        match change["action"]:
            case BlacklistAction.ADD:
                if not self.listed:
                    self.listed, self.since = True, change
            case BlacklistAction.REQUEST_REMOVE:
                self.requests.append(change["event_id"])
            case _ if change["request_id"] not in self._approved:
                self._approved.add(change["request_id"])
                self.listed, self.since, self.requests = False, None, []


@dataclass(frozen=True, slots=True)
class Question:
    """Which entries of the blacklist. `day` is days since 1970-01-01, Beijing; `after` a cursor of the last page."""

    org: str
    day: int
    owner: str | None = None
    number: str | None = None
    listed: bool | None = None
    after: str = ""
    limit: int = 100


class Listings:
    """Reads the rows. Every call looks at disk: not for the event loop."""

    def __init__(self, shelves: Callable[[], Sequence[Rows]]) -> None:
        self._shelves = shelves

    def range_counts(self, range_id: uuid.UUID, org: str, day: int) -> dict[str, Any] | None:
        """How many numbers of a range got which verdict, reason and flag, of the units of `org`; None without any.

        A number's verdict is that of its first record. Another under the same event id said something else: `reused`.
        """
        verdicts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        flags: Counter[str] = Counter()
        inside: dict[str, bool] = {}
        reused = 0
        prefix = _RANGE + range_id.bytes
        for shelf in self._shelves():
            counted = ""
            for key, told in _within(shelf, prefix, prefix):
                verdict, reason, unit, _, *more = told.decode().split(",")
                if unit not in inside:
                    inside[unit] = contains(org, unit, day)
                if not inside[unit]:
                    continue
                number = _number_in(key)
                if number == counted:
                    reused += 1
                    continue
                counted = number
                verdicts[verdict] += 1
                flags.update(more)
                if reason:
                    reasons[reason] += 1
        if not verdicts:
            return None
        return {
            "range_id": str(range_id),
            "decided": verdicts.total(),
            "verdicts": {name: verdicts[name] for name in ("ACCEPTED", "REFUSED")},
            "reasons": dict(reasons),
            "flags": dict(flags),
            "reused": reused,
        }

    def is_another(self, range_id: uuid.UUID, first: str, last: str, content: Callable[[str], bytes]) -> bool:
        """Whether what is decided of a range tells that it is not the one from `first` to `last`.

        `content` gives the content hash that a number's record would have. A range of which nothing is decided yet may
        still be another: nobody can know.
        """
        prefix = _RANGE + range_id.bytes
        for shelf in self._shelves():
            row = next(_within(shelf, prefix, prefix), None)
            if row is None:
                continue
            number = _number_in(row[0])
            behind = next(_within(shelf, prefix + last.encode() + b"\x01", prefix), None)
            if not first <= number <= last or behind is not None:
                return True
            if row[1].decode().split(",")[3] != content(number)[:_CONTENT].hex():
                return True
        return False

    def blacklist(self, question: Question) -> dict[str, Any]:
        """A page of entries by owner and number, each with its history, oldest change first."""
        entries: list[dict[str, Any]] = []
        for scanned, (owner, number, changes) in enumerate(self._numbers(question), 1):
            entry = _entry(owner, number, changes)
            if question.listed is None or entry["listed"] is question.listed:
                entries.append(entry)
            if len(entries) >= question.limit or scanned >= _SCANNED:
                return {"entries": entries, "next": owner + number}
        return {"entries": entries, "next": None}

    def _numbers(self, question: Question) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
        for owner in self._owners(question):
            prefix = _BLACKLIST + owner.encode()
            begin = prefix + (question.number or "").encode()
            if question.after[:6] == owner:
                begin = max(begin, prefix + question.after[6:].encode() + b"\x01")
            end = prefix + (b"" if question.number is None else question.number.encode() + b"\x00")
            merged = heapq.merge(*(_within(shelf, begin, end) for shelf in self._shelves()))
            for number, group in groupby(merged, key=lambda row: row[0][len(prefix) : -9]):
                yield owner, number.decode(), [orjson.loads(told) for _, told in group]

    def _owners(self, question: Question) -> list[str]:
        """Owners inside the org that have rows, in order, from the cursor's on."""
        found = set()
        province = _BLACKLIST + question.org[:2].encode()
        for shelf in self._shelves():
            at = max(province, _BLACKLIST + question.after[:6].encode())
            while (key := next(shelf.keys_from(at), None)) is not None and key.startswith(province):
                owner = key[len(_BLACKLIST) :][:6]
                found.add(owner.decode())
                at = _BLACKLIST + owner + b"\xff"
        return sorted(
            owner
            for owner in found
            if contains(question.org, owner, question.day) and question.owner in (None, owner)
        )


def _number_in(key: bytes) -> str:
    """Number of a range's row."""
    return key[len(_RANGE) + 16 : -9].decode()


def _within(shelf: Rows, begin: bytes, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    for key, told in shelf.items_from(begin):
        if not key.startswith(prefix):
            return
        yield key, told


def _entry(owner: str, number: str, changes: list[dict[str, Any]]) -> dict[str, Any]:
    state = Listed()
    for change in changes:
        state.fold(change)
    since = state.since or {}
    return {
        "certificate_number": number,
        "owner": owner,
        "listed": state.listed,
        "cause": since.get("cause"),
        "listed_at": since.get("received_at"),
        "effective_at": since.get("effective_at"),
        "removal_requests": state.requests,
        "history": changes,
    }
