"""Any entry that is no Filing as one row of `stage_decisions`. Compiled.

Claims, releases, completions and alerts come from the hot reader; the rarer kinds, of which more is kept, from the
reference codec.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from natalog.decision import codes, commands
from natalog.decision.calendar import BEIJING_MS, DAY_MS, bounded, broker_time
from natalog.decision.listings import stated_listing
from natalog.decision.numbers import is_wellformed, normalise
from natalog.decision.rules import RuleSet
from natalog.events import BlacklistChange, Invalidation, Succession, Withdrawal
from natalog.views import copy_format as copy
from natalog.views.filing_row import head_fields, place_fields, verdict_fields
from natalog.wire.codec import decode
from natalog.wire.hot import REPEAT_INPUT, UNREADABLE_INPUT, EntryView, read_command
from natalog.wire.topics import INTAKE_TOPICS

DECISION_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("partition", "smallint"),
    ("seq", "bigint"),
    ("received_at", "timestamptz"),
    ("hash", "bytea"),
    ("rules", "integer"),
    ("verdict", "text"),
    ("reason", "text"),
    ("flags", "text[]"),
    ("topic", "text"),
    ("kind", "text"),
    ("first_seq", "bigint"),
    ("contested", "boolean"),
    ("wellformed", "boolean"),
    ("key", 'text COLLATE "C"'),
    ("event_id", "uuid"),
    ("number", 'text COLLATE "C"'),
    ("registration_id", 'text COLLATE "C"'),
    ("unit_code", "text"),
    ("province", "text"),
    ("prefecture", "text"),
    ("occurred_at", "timestamptz"),
    ("action", "text"),
    ("cause", "text"),
    ("owner", "text"),
    ("effective_at", "timestamptz"),
    ("binds_from", "timestamptz"),
    ("evidence_ref", "text"),
    ("request_id", "uuid"),
    ("range_id", "uuid"),
    ("expires_at", "timestamptz"),
    ("registered_at", "timestamptz"),
    ("due_from", "timestamptz"),
    ("due_at", "timestamptz"),
    ("observed_at", "timestamptz"),
    ("exemption", "text"),
    ("related_number", 'text COLLATE "C"'),
    ("ended", "boolean"),
)
"""Names and types, in the order of the fields."""

_FIELDS: Final = len(DECISION_COLUMNS)
_TOPICS: Final[list[bytes]] = [topic.encode() for topic in INTAKE_TOPICS]


class Row:
    """The fields a kind may have; None is null. Times in UTC ms, ids in 16 bytes."""

    def __init__(self, kind: bytes) -> None:
        self.kind: bytes = kind
        self.event_id: bytes | None = None
        self.number: str | None = None
        self.registration_id: str | None = None
        self.unit_code: str | None = None
        self.occurred_at: int | None = None
        self.action: str | None = None
        self.cause: str | None = None
        self.owner: str | None = None
        self.effective_at: int | None = None
        self.binds_from: int | None = None
        self.evidence_ref: str | None = None
        self.request_id: bytes | None = None
        self.range_id: bytes | None = None
        self.registered_at: int | None = None
        self.due_from: int | None = None
        self.due_at: int | None = None
        self.observed_at: int | None = None
        self.exemption: str | None = None
        self.related_number: str | None = None
        self.ended: bool | None = None


def decision_row(
    w: BytesWriter, partition: i64, key: bytes, entry: EntryView, digest: bytes, kind: str, rules: RuleSet
) -> bool:
    """Append the row of a valid entry decided under `rules`; `kind` is the record its input is, "" where it is none.

    Whether the unit's province is known, if there is a unit.
    """
    received_at: i64 = broker_time(entry.received_at)
    row = _row(entry, kind, received_at, rules)
    copy.row(w, _FIELDS)
    head_fields(w, partition, entry, digest)
    verdict_fields(w, entry)
    copy.text(w, _TOPICS[entry.topic])
    copy.text(w, row.kind)
    copy.bigint_or_null(w, entry.first)
    copy.boolean(w, entry.flags & codes.CONTESTED != 0)
    copy.boolean(w, row.number is not None and entry.reason != codes.MISROUTED and is_wellformed(row.number))
    copy.text(w, key.decode("utf-8", "replace").encode("utf-8"))
    _id(w, row.event_id)
    copy.text_or_null(w, row.number)
    copy.text_or_null(w, row.registration_id)
    copy.text_or_null(w, row.unit_code)
    placed = True
    unit = row.unit_code
    if unit is None:
        copy.null(w)
        copy.null(w)
    else:
        placed = place_fields(w, unit, (received_at + BEIJING_MS) // DAY_MS)
    _time(w, row.occurred_at)
    copy.text_or_null(w, row.action)
    copy.text_or_null(w, row.cause)
    copy.text_or_null(w, row.owner)
    _time(w, row.effective_at)
    _time(w, row.binds_from)
    copy.text_or_null(w, row.evidence_ref)
    _id(w, row.request_id)
    _id(w, row.range_id)
    if entry.claim_expires_at < 0:
        copy.null(w)
    else:
        copy.time(w, entry.claim_expires_at)
    _time(w, row.registered_at)
    _time(w, row.due_from)
    _time(w, row.due_at)
    _time(w, row.observed_at)
    copy.text_or_null(w, row.exemption)
    copy.text_or_null(w, row.related_number)
    ended = row.ended
    if ended is None:
        copy.null(w)
    else:
        copy.boolean(w, ended)
    return placed


def _id(w: BytesWriter, value: bytes | None) -> None:
    if value is None:
        copy.null(w)
    else:
        copy.data(w, value)


def _time(w: BytesWriter, at: int | None) -> None:
    if at is None:
        copy.null(w)
    else:
        copy.time(w, at)


def _row(entry: EntryView, kind: str, received_at: i64, rules: RuleSet) -> Row:
    if entry.kind == REPEAT_INPUT:
        row = Row(b"Repeat")
        row.event_id = entry.event_id
        return row
    if entry.kind == UNREADABLE_INPUT:
        return Row(b"Unreadable")
    if kind in ("Withdrawal", "BlacklistChange", "Invalidation", "Succession"):
        return _rare(entry, received_at)
    command = read_command(entry.input)
    row = Row(kind.encode())
    row.event_id = command.event_id
    row.number = command.number
    row.unit_code = command.unit_code
    if isinstance(command, commands.Completion):
        row.registration_id = command.registration_id
        row.registered_at = bounded(command.registered_at)
        # As `decision.obligations.apply_completion` says.
        due_from: i64 = bounded(command.registered_at)
        if due_from > received_at:
            due_from = received_at
        if due_from < 0:
            due_from = 0
        row.due_from = due_from
        row.due_at = due_from + rules.sla_ms
        row.exemption = command.exemption
    elif isinstance(command, commands.FilingOverdue):
        row.registration_id = command.registration_id
        row.due_at = bounded(command.due_at)
    return row


def _rare(entry: EntryView, received_at: i64) -> Row:
    record = decode(entry.input)
    row = Row(type(record).__name__.encode())
    if isinstance(record, Withdrawal):
        row.registration_id = record.registration_id
        row.action = str(record.action)
        row.cause = record.cause
        row.evidence_ref = record.evidence_ref
        row.request_id = None if record.request_id is None else record.request_id.bytes
    elif isinstance(record, (BlacklistChange, Invalidation)):
        row.action = str(record.action)
        row.cause = record.cause
        row.evidence_ref = record.evidence_ref
        row.range_id = None if record.range_id is None else record.range_id.bytes
        listed = stated_listing("", record.effective_at, entry.seq, received_at, "")
        row.effective_at = int(listed.effective_at)
        row.binds_from = int(listed.binds_from)
        if isinstance(record, BlacklistChange):
            row.owner = record.owner
            row.request_id = None if record.request_id is None else record.request_id.bytes
        else:
            row.owner = record.issuer
            row.related_number = _replacement(record.replaced_by, record.certificate_number)
    elif isinstance(record, Succession):
        row.related_number = record.predecessor if record.predecessor is not None else record.contested_by
        row.registration_id = record.registration_id
        row.ended = record.ended
    else:
        raise TypeError(f"a {type(record).__name__} among the rarer kinds")
    row.event_id = record.event_id.bytes
    row.number = record.certificate_number
    row.unit_code = record.unit_code
    row.occurred_at = None if record.occurred_at is None else bounded(record.occurred_at)
    return row


def _replacement(given: str | None, own: str | None) -> str | None:
    """As `decision.voids.replacement` says."""
    if given is None:
        return None
    number = normalise(given)
    return number if is_wellformed(number) and number != own else None
