"""A Filing entry as the fields of its rows, straight from its bytes. Compiled.

They come in parts of which each table's row is put together: CHOICE and FACT, SHARED, CONTENT, in the order of
filing_columns.py.
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
from natalog.views.filing_columns import CERTIFICATE
from natalog.views.lateness import CAUSES, lateness_cause
from natalog.wire.hot import EntryView
from natalog.wire.varint import Reader

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
    facts: BytesWriter,
    shared: BytesWriter,
    content: BytesWriter,
    certificate: BytesWriter,
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
    """Append the fields of a valid entry whose input is the Filing in `value`, in the newest version of its schema.

    `certificate` gets a whole row where the filing is about a well-formed number and not contested, else nothing.
    `turn` is how many filings of its key came before it in the batch. `province` and the like are of the day it was
    received, `rules` the set it was decided under. Whether the unit's province is known.
    """
    received_at: i64 = broker_time(entry.received_at)
    today: i64 = (received_at + BEIJING_MS) // DAY_MS
    accepted = entry.verdict == codes.ACCEPTED
    counts = entry.reason != codes.MISROUTED
    contested = entry.flags & codes.CONTESTED != 0
    amendment = entry.flags & codes.AMENDMENT != 0
    taken: i64 = entry.seq if accepted and not amendment else -1
    copy.boolean(facts, counts)
    copy.boolean(facts, contested)
    copy.smallint(facts, turn)
    copy.time(facts, received_at)
    copy.data(facts, digest)
    verdict_fields(facts, entry)
    facts.write(code_set(int(entry.doubts), _DOUBTS, _DOUBT_SETS))
    copy.bigint_or_null(facts, entry.first)
    copy.bigint_or_null(facts, entry.delay_ms)
    copy.boolean(facts, entry.delay_ms >= 0 or entry.flags & codes.NOT_TIMEABLE != 0)
    copy.boolean(facts, amendment)
    copy.bigint(shared, entry.seq)
    copy.smallint(shared, partition)
    # A key that the content does not demand may be any bytes.
    copy.text(shared, key if entry.key is None else key.decode("utf-8", "replace").encode("utf-8"))
    r = Reader(value, 10)
    copy.data(facts, r.fixed(16))
    wellformed = False
    if r.there():
        number = r.data()
        copy.text(shared, number)
        wellformed = number == key and key[:2] != b"r:"
    else:
        copy.null(shared)
    copy.boolean(facts, wellformed)
    if wellformed and counts and not contested and _is_number(key):
        _certificate_row(certificate, key, partition, entry.seq, taken)
    unit = r.string()
    copy.text(shared, unit.encode("utf-8"))
    placed = place_fields(shared, unit, today)
    _time(facts, r.long() if r.there() else None)
    r.skip_data()
    r.skip_data()
    roles = r.mask(_ROLES)
    copy.text(shared, r.data())  # registration_id
    registered_at: int | None = bounded(r.long()) if r.there() else None
    registered_on: int | None = bounded_day(r.int32()) if r.there() else None
    _time(shared, registered_at)
    registered_day: i64 = today
    known: i64 = received_at
    if registered_on is None:
        copy.null(shared)
    else:
        copy.date(shared, registered_on)
        registered_day = registered_on
        known = registered_day * DAY_MS - BEIJING_MS
    if registered_at is not None:
        known = registered_at
        registered_day = (known + BEIJING_MS) // DAY_MS
    copy.date(shared, registered_day)
    captured_at: int | None = r.long() if r.there() else None
    attempted_at: int | None = r.long() if r.there() else None
    _time(facts, captured_at)
    _time(facts, attempted_at)
    if r.there():
        copy.text(shared, r.data())
    else:
        copy.text(shared, unit[:6].encode("utf-8"))
    copy.text(shared, r.data())  # category
    _text(content, r)
    _text(content, r)
    _text(content, r)
    _text(content, r)
    _text(content, r)
    _date(content, r)
    _boolean(content, r)
    _text(content, r)
    if r.there():
        for _ in range(4):
            copy.boolean(content, r.boolean())
        _text(content, r)
    else:
        for _ in range(5):
            copy.null(content)
    _text(content, r)
    _text(shared, r)  # exemption
    _text(facts, r)  # gate
    backfilled = r.index(2) == 1
    copy.text(facts, b"BACKFILL" if backfilled else b"LIVE")
    if r.there():
        copy.data(facts, r.fixed(16))
    else:
        copy.null(facts)
    _text(content, r)
    _text(content, r)
    _text(content, r)
    if r.there():
        copy.data(content, r.data())
    else:
        copy.null(content)
    _text(content, r)
    copy.smallint(content, 2 if accepted else 1)
    copy.bigint_or_null(content, taken)
    # As `decision.filings.is_backfill` says; roles and times are at hand here.
    copy.boolean(
        facts,
        backfilled
        and roles & _MAY_BACKFILL != 0
        and (registered_at is not None or registered_on is not None)
        and known <= received_at - BACKFILL_AGE_MS,
    )
    cause: i64 = lateness_cause(
        entry.flags, registered_at, captured_at, attempted_at, received_at, silent_from, silent_to, rules
    )
    if cause:
        copy.text(facts, _CAUSES[cause])
    else:
        copy.null(facts)
    return placed


def _is_number(key: bytes) -> bool:
    return key[-9:].isdigit() and (len(key) == 9 or (len(key) == 10 and 65 <= key[0] <= 90))


def _certificate_row(w: BytesWriter, key: bytes, partition: i64, seq: i64, taken: i64) -> None:
    copy.row(w, len(CERTIFICATE))
    copy.text(w, key)
    copy.smallint(w, partition)
    copy.text(w, key[-9:-7] + b"0000")  # as certificates._PROVINCE says
    copy.bigint(w, seq)
    copy.bigint(w, seq)
    copy.bigint_or_null(w, taken)
