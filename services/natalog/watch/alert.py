"""The record that tells of an overdue filing (逾期未备案)."""

from __future__ import annotations

import json
import uuid

from natalog.events import FilingOverdue, Principal
from natalog.watch.obligations import Obligation

_NAMESPACE = uuid.UUID("d6a58f0e-5c0b-5a7e-9d2e-6b1f4f0c19aa")
_WATCH = Principal(sub="watch", org="000000", roles=("watch",))


def event_id_of(number: str | None, registration_id: str, unit_code: str, due_at: int) -> uuid.UUID:
    """The alert's event id: a UUIDv5 of all that counts as its content.

    So whoever tells of the same obligation again, after a crash or a rebalance, sends the same event with the same
    content, and the registrar answers REPEATED.
    """
    said = json.dumps([number, registration_id, unit_code, due_at], separators=(",", ":"))
    return uuid.uuid5(_NAMESPACE, said)


def alert_of(obligation: Obligation, observed_at: int) -> FilingOverdue:
    """The alert, seen missing at `observed_at` (UTC ms). `occurred_at`, which is content, is the due time itself."""
    o = obligation
    return FilingOverdue(
        event_id=event_id_of(o.number, o.registration_id, o.unit_code, o.due_at),
        certificate_number=o.number,
        unit_code=o.unit_code,
        occurred_at=o.due_at,
        submitter=_WATCH,
        registration_id=o.registration_id,
        due_at=o.due_at,
        observed_at=observed_at,
    )
