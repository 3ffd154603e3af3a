"""From a JSON object to the record that is produced: who may send it, for whom, to which topic.

Everything refused here is refused before anything is recorded.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from natalog.decision.divisions import contains
from natalog.decision.numbers import is_wellformed, normalise
from natalog.events import Filing, Origin, Withdrawal, WithdrawalAction
from natalog.gateway.auth import Caller
from natalog.gateway.language import Language
from natalog.gateway.lines import MAX_VALUE, Taker
from natalog.gateway.lookalikes import meant
from natalog.gateway.problems import Problem
from natalog.gateway.roles import Call
from natalog.wire.clean_columns import columns_of, submitter_bytes
from natalog.wire.encoder import encode
from natalog.wire.errors import BadField
from natalog.wire.fields import MAX_STRING, NUMBERS, looks_like_citizen_id
from natalog.wire.json_form import from_json
from natalog.wire.partition import key_of, partition_of
from natalog.wire.topics import TOPICS

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
BACKFILL: Final = "birth.backfill"
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
    language: Language = Language.BOTH


def today() -> int:
    """Days since 1970-01-01 in Beijing: divisions are a dated table."""
    return int((time.time() + 8 * 3600) // 86400)


def prepare(kind: str, content: Any, caller: Caller, language: Language = Language.BOTH) -> Prepared:
    """The record of a JSON object, in the name of the caller.

    Raises Problem 400 (the JSON), 403 (role, unit), 413 (size), 422 (the number).
    """
    with naming(content):
        record = record_of(kind, content, caller)
        topic = _TOPIC[kind]
        if isinstance(record, Filing | Withdrawal):
            topic = _topic_of(kind, record, caller)
        return on_topic(kind, record, topic, language)


def taker_of(kind: str, caller: Caller) -> Taker:
    """What makes records of clean JSON in the name of the caller: those of which `prepare` would make the same."""
    header, columns = columns_of(kind)
    # Whether a withdrawal may be sent hangs on its action too: they are few and go the careful way.
    live = Call(kind) in caller.calls and kind != "withdrawal"
    backfill = Call.BACKFILL in caller.calls and kind == "filing"
    return Taker(
        header,
        columns,
        submitter_bytes(caller.principal),
        caller.principal.org,
        live=_TOPIC[kind] if live else "",
        backfill=BACKFILL if backfill else "",
        partitions=PARTITIONS[BACKFILL],
    )


@contextmanager
def naming(content: Any) -> Iterator[None]:
    """Problems raised inside name the event id of the refused object, so that a sender finds its line again."""
    try:
        yield
    except Problem as problem:
        if problem.event_id is None:
            problem.event_id = _event_id_in(content)
        raise


def record_of(kind: str, content: Any, caller: Caller) -> Any:
    """The record of a JSON object, checked for all but its size and topic. Raises Problem 400, 403 or 422."""
    if not isinstance(content, Mapping):
        raise Problem(400, "bad-json", "This is not a JSON object. Send one for each record.")
    may_be_backfill = kind in ("filing", "withdrawal") and Call.BACKFILL in caller.calls
    if not may_be_backfill:  # otherwise `origin` decides
        caller.require(Call(kind))
    _refuse_citizen_ids(content)
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
        raise malformed(number, "certificate_number")
    return record


def on_topic(kind: str, record: Any, topic: str, language: Language = Language.BOTH) -> Prepared:
    """The record as it is produced to `topic`. Raises Problem 413."""
    value = encode(record)
    if len(value) > MAX_VALUE:
        raise Problem(
            413,
            "too-large",
            f"A record may have {MAX_VALUE:,} bytes; this one has {len(value):,}. Seal fewer fields.",
        )
    key = key_of(record)
    return Prepared(
        event_id=record.event_id,
        kind=kind,
        number=record.certificate_number,
        topic=topic,
        partition=partition_of(key, PARTITIONS[topic]),
        key=key,
        value=value,
        language=language,
    )


def _refuse_citizen_ids(content: Mapping[str, Any]) -> None:
    """Not even a Filing, which is else always recorded: what is on the ledger stays there for ever, in clear."""
    for field in NUMBERS:
        value = content.get(field)
        if (
            isinstance(value, str)
            and 15 <= len(value) <= MAX_STRING
            and looks_like_citizen_id(normalise(value), apart=True)
        ):
            raise Problem(
                422,
                "citizen-id",
                "This has the form of a citizen ID, and nothing of it was recorded. 'certificate_number' takes the "
                "number printed on the medical birth certificate: one letter and nine digits.",
                field=field,
            )


def _topic_of(kind: str, record: Filing | Withdrawal, caller: Caller) -> str:
    if isinstance(record, Withdrawal) and record.action is WithdrawalAction.APPROVE:
        caller.require(Call.APPROVE_WITHDRAWAL)
    if record.origin is Origin.BACKFILL and Call.BACKFILL in caller.calls:
        return BACKFILL
    # A station's backfill is a live record; an administrator sends no live filings.
    caller.require(Call(kind))
    return _TOPIC[kind]


def malformed(number: str | None, field: str) -> Problem:
    """That `number` is no certificate number, with what it may have been meant to be."""
    if number is None:
        return Problem(
            422,
            "malformed-number",
            "A certificate number is needed here. Send the one printed on the paper.",
            field=field,
        )
    return Problem(
        422,
        "malformed-number",
        "This is not a certificate number: one letter and nine digits, or nine digits for births up to 2000. "
        "Compare it with the paper.",
        field=field,
        suggestion=meant(number),
    )


def _event_id_in(content: Any) -> str | None:
    """The event id of a refused object when it is one."""
    try:
        return str(uuid.UUID(content["event_id"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
