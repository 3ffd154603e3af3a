"""A Filing entry as one row of `stage_filings`, straight from its bytes. Compiled.

The field order is FILING_COLUMNS; `stage.py` makes the temporary table from the same list.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import BEIJING_MS, DAY_MS, bounded, bounded_day, broker_time
from natalog.decision.commands import ROLE_BITS
from natalog.decision.divisions import prefecture_of, province_of
from natalog.decision.filings import BACKFILL_AGE_MS
from natalog.decision.rules import RuleSet
from natalog.views import copy_format as copy
from natalog.views.lateness import CAUSES, lateness_cause
from natalog.wire.hot import EntryView
from natalog.wire.varint import Reader

FILING_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("partition", "smallint"),
    ("seq", "bigint"),
    ("received_at", "timestamptz"),
    ("hash", "bytea"),
    ("rules", "integer"),
    ("verdict", "text"),
    ("reason", "text"),
    ("flags", "text[]"),
    ("doubts", "text[]"),
    ("first_seq", "bigint"),
    ("delay_ms", "bigint"),
    ("timed", "boolean"),
    ("amendment", "boolean"),
    ("counts", "boolean"),
    ("takes", "boolean"),
    ("contested", "boolean"),
    ("turn", "smallint"),
    ("key", 'text COLLATE "C"'),
    ("event_id", "uuid"),
    ("number", 'text COLLATE "C"'),
    ("wellformed", "boolean"),
    ("unit_code", "text"),
    ("province", "text"),
    ("prefecture", "text"),
    ("occurred_at", "timestamptz"),
    ("registration_id", 'text COLLATE "C"'),
    ("registered_at", "timestamptz"),
    ("registered_on", "date"),
    ("registered_day", "date"),
    ("captured_at", "timestamptz"),
    ("attempted_at", "timestamptz"),
    ("division", "text"),
    ("category", "text"),
    ("household_kind", "text"),
    ("relation_to_head", "text"),
    ("follows", "text"),
    ("placement_basis", "text"),
    ("basis_ref", "text"),
    ("birth_date", "date"),
    ("parents_married", "boolean"),
    ("paternity_evidence", "text"),
    ("over_six_visit", "boolean"),
    ("over_six_face", "boolean"),
    ("over_six_fingerprint", "boolean"),
    ("over_six_dna", "boolean"),
    ("over_six_approval_ref", "text"),
    ("case_ref", "text"),
    ("exemption", "text"),
    ("gate", "text"),
    ("origin", "text"),
    ("corrects", "uuid"),
    ("child_token", "text"),
    ("mother_token", "text"),
    ("father_token", "text"),
    ("sealed", "bytea"),
    ("key_id", "text"),
    ("backfill", "boolean"),
    ("lateness_cause", "text"),
)
"""Names and types, in the order of the fields. Those before `key` come from the entry, the others from its input."""

_FIELDS: Final = len(FILING_COLUMNS)
_ROLES: Final[dict[bytes, int]] = {role.encode(): bit for role, bit in ROLE_BITS.items()}
_MAY_BACKFILL: Final = ROLE_BITS["adapter"] | ROLE_BITS["prefecture_admin"] | ROLE_BITS["province_admin"]
_VERDICTS: Final[list[bytes]] = [v.encode() for v in codes.VERDICTS]
_REASONS: Final[list[bytes]] = [c.code.encode() for c in codes.REASONS]
_FLAGS: Final[list[str]] = [c.code for c in codes.FLAGS]
_DOUBTS: Final[list[str]] = [c.code for c in codes.DOUBTS]
_CAUSES: Final[list[bytes]] = [c.encode() for c in CAUSES]
_FLAG_SETS: Final[dict[int, bytes]] = {}
_DOUBT_SETS: Final[dict[int, bytes]] = {}


def code_set(mask: int, names: list[str], known: dict[int, bytes]) -> bytes:
    """A text[] field of the codes whose bits are set."""
    field = known.get(mask)
    if field is None:
        field = known[mask] = copy.texts([name for bit, name in enumerate(names) if mask >> bit & 1])
    return field


def flag_set(mask: i64) -> bytes:
    """A text[] field of flags."""
    return code_set(int(mask), _FLAGS, _FLAG_SETS)


def head_fields(w: BytesWriter, partition: i64, entry: EntryView, digest: bytes) -> None:
    """The fields that every staged row begins with: partition, seq, received_at, hash."""
    copy.smallint(w, partition)
    copy.bigint(w, entry.seq)
    copy.time(w, broker_time(entry.received_at))
    copy.data(w, digest)


def verdict_fields(w: BytesWriter, entry: EntryView) -> None:
    """rules, verdict, reason, flags."""
    copy.integer(w, entry.rules)
    copy.text(w, _VERDICTS[entry.verdict])
    if entry.reason:
        copy.text(w, _REASONS[entry.reason])
    else:
        copy.null(w)
    w.write(flag_set(entry.flags))


def place_fields(w: BytesWriter, unit: str, day: i64) -> bool:
    """province, prefecture of a unit or division on a day; null where the table of divisions has none.

    Whether there is such a province.
    """
    province = province_of(unit)
    if province == "":
        copy.null(w)
        copy.null(w)
        return False
    copy.text(w, province.encode())
    prefecture = prefecture_of(unit, day)
    if prefecture == "":
        copy.null(w)
    else:
        copy.text(w, prefecture.encode())
    return True


def _text(w: BytesWriter, r: Reader) -> None:
    if r.there():
        copy.text(w, r.data())
    else:
        copy.null(w)


def _date(w: BytesWriter, r: Reader) -> None:
    if r.there():
        copy.date(w, r.int32())
    else:
        copy.null(w)


def _boolean(w: BytesWriter, r: Reader) -> None:
    if r.there():
        copy.boolean(w, r.boolean())
    else:
        copy.null(w)


def _time(w: BytesWriter, at: int | None) -> None:
    if at is None:
        copy.null(w)
    else:
        copy.time(w, at)


def filing_row(
    w: BytesWriter,
    partition: i64,
    key: bytes,
    entry: EntryView,
    digest: bytes,
    value: bytes,
    silent_from: i64,
    silent_to: i64,
    turn: i64,
    rules: RuleSet,
) -> bool:
    """Append the row of a valid entry whose input is the Filing in `value`, in the newest version of its schema.

    `turn` is how many filings of its key came before it in the batch. `province` and the like are of the day it was
    received, `rules` the set it was decided under. Whether the unit's province is known.
    """
    received_at: i64 = broker_time(entry.received_at)
    today: i64 = (received_at + BEIJING_MS) // DAY_MS
    accepted = entry.verdict == codes.ACCEPTED
    counts = entry.reason != codes.MISROUTED
    amendment = entry.flags & codes.AMENDMENT != 0
    copy.row(w, _FIELDS)
    head_fields(w, partition, entry, digest)
    verdict_fields(w, entry)
    w.write(code_set(int(entry.doubts), _DOUBTS, _DOUBT_SETS))
    copy.bigint_or_null(w, entry.first)
    copy.bigint_or_null(w, entry.delay_ms)
    copy.boolean(w, entry.delay_ms >= 0 or entry.flags & codes.NOT_TIMEABLE != 0)
    copy.boolean(w, amendment)
    copy.boolean(w, counts)
    copy.boolean(w, accepted and not amendment)
    copy.boolean(w, entry.flags & codes.CONTESTED != 0)
    copy.smallint(w, turn)
    # A key that the content does not demand may be any bytes.
    copy.text(w, key if entry.key is None else key.decode("utf-8", "replace").encode("utf-8"))
    r = Reader(value, 10)
    copy.data(w, r.fixed(16))
    wellformed = False
    if r.there():
        number = r.data()
        copy.text(w, number)
        wellformed = number == key and key[:2] != b"r:"
    else:
        copy.null(w)
    copy.boolean(w, wellformed)
    unit = r.string()
    copy.text(w, unit.encode("utf-8"))
    placed = place_fields(w, unit, today)
    _time(w, r.long() if r.there() else None)
    r.skip_data()
    r.skip_data()
    roles = r.mask(_ROLES)
    registration = r.data()
    copy.text(w, registration)
    registered_at: int | None = bounded(r.long()) if r.there() else None
    registered_on: int | None = bounded_day(r.int32()) if r.there() else None
    _time(w, registered_at)
    registered_day: i64 = today
    known: i64 = received_at
    if registered_on is None:
        copy.null(w)
    else:
        copy.date(w, registered_on)
        registered_day = registered_on
        known = registered_day * DAY_MS - BEIJING_MS
    if registered_at is not None:
        known = registered_at
        registered_day = (known + BEIJING_MS) // DAY_MS
    copy.date(w, registered_day)
    captured_at: int | None = r.long() if r.there() else None
    attempted_at: int | None = r.long() if r.there() else None
    _time(w, captured_at)
    _time(w, attempted_at)
    if r.there():
        copy.text(w, r.data())
    else:
        copy.text(w, unit[:6].encode("utf-8"))
    copy.text(w, r.data())
    _text(w, r)
    _text(w, r)
    _text(w, r)
    _text(w, r)
    _text(w, r)
    _date(w, r)
    _boolean(w, r)
    _text(w, r)
    if r.there():
        for _ in range(4):
            copy.boolean(w, r.boolean())
        _text(w, r)
    else:
        for _ in range(5):
            copy.null(w)
    _text(w, r)
    _text(w, r)
    _text(w, r)
    backfilled = r.index(2) == 1
    copy.text(w, b"BACKFILL" if backfilled else b"LIVE")
    if r.there():
        copy.data(w, r.fixed(16))
    else:
        copy.null(w)
    _text(w, r)
    _text(w, r)
    _text(w, r)
    if r.there():
        copy.data(w, r.data())
    else:
        copy.null(w)
    _text(w, r)
    # As `decision.filings.is_backfill` says; roles and times are at hand here.
    copy.boolean(
        w,
        backfilled
        and roles & _MAY_BACKFILL != 0
        and (registered_at is not None or registered_on is not None)
        and known <= received_at - BACKFILL_AGE_MS,
    )
    cause: i64 = lateness_cause(
        entry.flags, registered_at, captured_at, attempted_at, received_at, silent_from, silent_to, rules
    )
    if cause:
        copy.text(w, _CAUSES[cause])
    else:
        copy.null(w)
    return placed
