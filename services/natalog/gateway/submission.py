"""From a JSON object to the record that is produced: who may send it, for whom, to which topic.

Everything refused here is refused before anything is recorded.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from natalog.decision.divisions import contains
from natalog.decision.numbers import is_wellformed, suggest
from natalog.events import Filing, Origin, Withdrawal, WithdrawalAction
from natalog.gateway.auth import Caller
from natalog.gateway.problems import Problem
from natalog.gateway.roles import Call
from natalog.wire.encoder import encode
from natalog.wire.errors import BadField
from natalog.wire.json_form import from_json
from natalog.wire.partition import key_of, partition_of
from natalog.wire.topics import TOPICS

MAX_VALUE: Final = 250_000
"""Bytes of a record's value; the topic takes 262,144 with key, headers and batch around it."""

KINDS: Final[dict[str, str]] = {
    "claims": "claim",
    "releases": "release",
    "completions": "completion",
    "filings": "filing",
    "withdrawals": "withdrawal",
    "blacklist-changes": "blacklist-change",
    "invalidations": "invalidation",
}
"""Last part of the address to kind."""

_TOPIC: Final[dict[str, str]] = {
    "claim": "birth.registrations",
    "release": "birth.registrations",
    "completion": "birth.registrations",
    "filing": "birth.registrations",
    "withdrawal": "birth.registrations",
    "blacklist-change": "blacklist.changes",
    "invalidation": "certificate.invalidations",
}
_BACKFILL: Final = "birth.backfill"
_NEED_NUMBER: Final = frozenset({"claim", "release", "blacklist-change", "invalidation"})
"""Without a well-formed number these mean nothing; a Filing or Completion is a fact and always recorded."""

PARTITIONS: Final = {name: topic.partitions for name, topic in TOPICS.items()}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record ready to be produced, and what its verdict needs to say."""

    event_id: uuid.UUID
    kind: str
    number: str | None
    topic: str
    partition: int
    key: bytes
    value: bytes


def today() -> int:
    """Days since 1970-01-01 in Beijing: divisions are a dated table."""
    return int((time.time() + 8 * 3600) // 86400)


def prepare(kind: str, content: Any, caller: Caller) -> Prepared:
    """The record of a JSON object, in the name of the caller.

    Raises Problem 400 (the JSON), 403 (role, unit), 413 (size), 422 (malformed number).
    """
    if not isinstance(content, Mapping):
        raise Problem(400, "bad-json", "Send one JSON object for each record.")
    try:
        return _prepare(kind, content, caller)
    except Problem as problem:
        problem.event_id = _event_id_in(content)
        raise


def _prepare(kind: str, content: Mapping[str, Any], caller: Caller) -> Prepared:
    may_be_backfill = kind in ("filing", "withdrawal") and Call.BACKFILL in caller.calls
    if not may_be_backfill:  # otherwise `origin` decides, below
        caller.require(Call(kind))
    try:
        record: Any = from_json(kind, content, caller.principal)
    except BadField as bad:
        raise Problem(
            400, "bad-field", bad.problem, field=bad.field or None, suggestion=bad.suggestion
        ) from None
    if not contains(caller.principal.org, record.unit_code, today()):
        raise Problem(
            403,
            "scope",
            "The unit_code is not within the org of the token.",
            field="unit_code",
            suggestion="Send records of your own units only.",
        )
    number: str | None = record.certificate_number
    if kind in _NEED_NUMBER and (number is None or not is_wellformed(number)):
        raise _malformed(number)
    topic = _TOPIC[kind]
    if isinstance(record, Filing | Withdrawal):
        topic = _topic_of(kind, record, caller)
    value = encode(record)
    if len(value) > MAX_VALUE:
        raise Problem(
            413, "too-large", f"A record may have {MAX_VALUE:,} bytes; this one has {len(value):,}."
        )
    key = key_of(record)
    return Prepared(
        event_id=record.event_id,
        kind=kind,
        number=number,
        topic=topic,
        partition=partition_of(key, PARTITIONS[topic]),
        key=key,
        value=value,
    )


def _topic_of(kind: str, record: Filing | Withdrawal, caller: Caller) -> str:
    if isinstance(record, Withdrawal) and record.action is WithdrawalAction.APPROVE:
        caller.require(Call.APPROVE_WITHDRAWAL)
    if record.origin is Origin.BACKFILL and Call.BACKFILL in caller.calls:
        return _BACKFILL
    # A station's backfill is a live record; an administrator sends no live filings.
    caller.require(Call(kind))
    return _TOPIC[kind]


def _malformed(number: str | None) -> Problem:
    if number is None:
        return Problem(
            422, "malformed-number", "A certificate number is needed here.", field="certificate_number"
        )
    return Problem(
        422,
        "malformed-number",
        "This is not a certificate number: one letter and nine digits, or nine digits for births up to 2000. "
        "Compare it with the paper. 编号格式错误。",
        field="certificate_number",
        suggestion=suggest(number),
    )


def _event_id_in(content: Mapping[str, Any]) -> str | None:
    """The event id of a refused object when it is one, so that a sender finds its line again."""
    try:
        return str(uuid.UUID(content["event_id"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
