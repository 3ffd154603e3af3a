"""The records tests tell, each with what is ordinary filled in.

Times (`at`, `registered`, `effective`) are milliseconds after T0; `id`, `gate="claim:ID"` and what an approval
cites are names a test gives its events.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from natalog import events
from natalog.events import BlacklistAction, InvalidationAction, Origin, OverSix, Principal, WithdrawalAction

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
BEIJING = timezone(timedelta(hours=8))
T0 = int(datetime(2026, 7, 1, 10, tzinfo=BEIJING).timestamp() * 1000)

NUMBER, OTHER, THIRD, FOURTH = "Z330123456", "Z330200002", "Z330300003", "Z330400004"
XIHU, GONGSHU = "330106520000", "330105510000"  # two stations of Hangzhou (330100)
NINGBO, SHANGHAI = "330203530000", "310104510000"
HANGZHOU, NINGBO_CITY, ZHEJIANG = "330100", "330200", "330000"
PROOFS = OverSix(visit=True, face=True, fingerprint=True, dna=True, approval_ref="HZ-2026-1")

_NAMES = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
_COUNT = itertools.count()


def day(iso: str) -> int:
    """Days since 1970-01-01."""
    return (date.fromisoformat(iso) - date(1970, 1, 1)).days


def beijing(iso: str) -> int:
    """A Beijing time as milliseconds after T0."""
    return int(datetime.fromisoformat(iso).replace(tzinfo=BEIJING).timestamp() * 1000) - T0


def event(name: str) -> uuid.UUID:
    """The event id a test calls by name."""
    return uuid.uuid5(_NAMES, name)


@dataclass(frozen=True)
class Step:
    """A record and when the broker took it."""

    record: Any
    at: int


def _step(kind: type, at: int, number: Any, unit: Any, fields: dict[str, Any]) -> Step:
    name = fields.pop("id", None) or f"event {next(_COUNT)}"
    sub, org, roles = (
        fields.pop("sub", "wang"),
        fields.pop("org", None),
        fields.pop("roles", ("station",)),
    )
    record = kind(
        event_id=event(name),
        certificate_number=number,
        unit_code=unit,
        occurred_at=fields.pop("occurred_at", T0 + at),
        submitter=Principal(sub=sub, org=unit if org is None else org, roles=roles),
        **fields,
    )
    return Step(record, T0 + at)


def claim(unit: Any = XIHU, number: Any = NUMBER, *, at: Any = 0, **fields: Any) -> Step:
    return _step(events.Claim, at, number, unit, fields)


def release(unit: Any = XIHU, number: Any = NUMBER, *, at: Any = 0, **fields: Any) -> Step:
    return _step(events.Release, at, number, unit, fields)


def completion(
    reg: Any = "R1",
    number: Any = NUMBER,
    unit: Any = XIHU,
    *,
    at: Any = 0,
    registered: Any = None,
    **fields: Any,
) -> Step:
    fields |= {"registration_id": reg, "registered_at": T0 + (at if registered is None else registered)}
    return _step(events.Completion, at, number, unit, fields)


def filing(
    reg: Any = "R1",
    number: Any = NUMBER,
    unit: Any = XIHU,
    *,
    at: Any = 0,
    registered: Any = -1,
    gate: Any = "check-1",
    **fields: Any,
) -> Step:
    """A newborn's ordinary filing, ten minutes after the registration, checked before it."""
    if gate is not None and gate.startswith("claim:"):
        gate = str(event(gate[6:]))
    when = at - 10 * MINUTE if registered == -1 else registered
    said: dict[str, Any] = {
        "registration_id": reg,
        "registered_at": None if when is None else T0 + when,
        "gate": gate,
        "birth_date": day("2026-06-20"),
        "household_kind": "FAMILY",
        "relation_to_head": "21",
        "follows": "BOTH",
        "parents_married": True,
    }
    return _step(events.Filing, at, number, unit, said | fields)


def backfill(reg: Any = "R1", number: Any = NUMBER, unit: Any = XIHU, **fields: Any) -> Step:
    """A filing supplied a year later, by an adapter."""
    said = {"registered": -365 * DAY, "gate": None, "roles": ("adapter",), "birth_date": day("2025-06-20")}
    return filing(reg, number, unit, **({"origin": Origin.BACKFILL} | said | fields))


def ask_withdrawal(reg: Any = "R1", number: Any = NUMBER, unit: Any = XIHU, **fields: Any) -> Step:
    fields |= {"registration_id": reg, "action": WithdrawalAction.REQUEST}
    return _step(events.Withdrawal, fields.pop("at", 0), number, unit, fields)


def approve_withdrawal(
    request: Any, reg: Any = "R1", number: Any = NUMBER, unit: Any = XIHU, **fields: Any
) -> Step:
    fields = {"sub": "li"} | fields
    cited = None if request is None else event(request)
    fields |= {"registration_id": reg, "action": WithdrawalAction.APPROVE, "request_id": cited}
    return _step(events.Withdrawal, fields.pop("at", 0), number, unit, fields)


def withdrawn(reg: Any = "R1", number: Any = NUMBER, unit: Any = XIHU, **fields: Any) -> tuple[Step, Step]:
    """A withdrawal asked for and approved."""
    name = f"ask {reg} {number}"
    return (
        ask_withdrawal(reg, number, unit, id=name, **fields),
        approve_withdrawal(name, reg, number, unit, **fields),
    )


def _blacklist(action: BlacklistAction, owner: Any, number: Any, fields: dict[str, Any]) -> Step:
    effective = fields.pop("effective", None)
    fields |= {
        "action": action,
        "owner": owner,
        "effective_at": None if effective is None else T0 + effective,
        "roles": ("prefecture_admin",),
    }
    return _step(events.BlacklistChange, fields.pop("at", 0), number, fields.get("org") or owner, fields)


def blacklist(owner: Any = HANGZHOU, number: Any = NUMBER, **fields: Any) -> Step:
    return _blacklist(BlacklistAction.ADD, owner, number, fields)


def ask_removal(owner: Any = HANGZHOU, number: Any = NUMBER, **fields: Any) -> Step:
    return _blacklist(BlacklistAction.REQUEST_REMOVE, owner, number, fields)


def approve_removal(request: Any, owner: Any = HANGZHOU, number: Any = NUMBER, **fields: Any) -> Step:
    fields = {"sub": "li", "request_id": event(request)} | fields
    return _blacklist(BlacklistAction.APPROVE_REMOVE, owner, number, fields)


def _invalidation(action: InvalidationAction, number: Any, issuer: Any, fields: dict[str, Any]) -> Step:
    effective = fields.pop("effective", None)
    fields |= {
        "action": action,
        "issuer": issuer,
        "effective_at": None if effective is None else T0 + effective,
        "roles": ("health_authority",),
    }
    return _step(events.Invalidation, fields.pop("at", 0), number, fields.get("org") or issuer, fields)


def void(number: Any = NUMBER, by: Any = None, *, issuer: Any = HANGZHOU, **fields: Any) -> Step:
    """The issuer voids `number`; `by` is the number issued in its place."""
    return _invalidation(InvalidationAction.VOID, number, issuer, {"replaced_by": by} | fields)


def reinstate(number: Any = NUMBER, *, issuer: Any = HANGZHOU, **fields: Any) -> Step:
    return _invalidation(InvalidationAction.REINSTATE, number, issuer, fields)


def overdue(reg: Any = "R1", number: Any = NUMBER, *, at: Any = 30 * MINUTE, **fields: Any) -> Step:
    fields = {"due_at": T0 + at, "observed_at": T0 + at, "sub": "watch", "org": ""} | fields
    return _step(events.FilingOverdue, at, number, XIHU, fields | {"registration_id": reg})


def succession(reg: Any = "R1", number: Any = NUMBER, predecessor: Any = OTHER, **fields: Any) -> Step:
    """As the registrar sends it to `number`, issued in exchange for `predecessor`."""
    said = {"predecessor": predecessor, "chain": (predecessor,), "ended": False, "contested_by": None}
    fields = said | {"sub": "registrar", "org": "", "roles": ("registrar",)} | fields
    return _step(events.Succession, fields.pop("at", 0), number, "", fields | {"registration_id": reg})
