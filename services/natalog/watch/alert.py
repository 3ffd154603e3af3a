"""The record that tells of an overdue filing (逾期未备案)."""

from __future__ import annotations

import json
import uuid

from natalog.events import FilingOverdue, Principal
from natalog.watch.obligations import Obligation

_NAMESPACE = uuid.UUID("d6a58f0e-5c0b-5a7e-9d2e-6b1f4f0c19aa")
_WATCH = Principal(sub="watch", org="000000", roles=("watch",))


def alert_of(obligation: Obligation, observed_at: int) -> FilingOverdue:
    """The alert, seen missing at `observed_at` (UTC ms).

    `event_id` is a UUIDv5 of all that counts as the record's content, so whoever tells of the same obligation again,
    after a crash or a rebalance, sends the same event with the same content: the registrar answers REPEATED. For that
    `occurred_at`, which is content, is the due time itself.
    """
    said = [
        obligation.key.decode("utf-8", "surrogateescape"),
        obligation.number,
        obligation.registration_id,
        obligation.unit_code,
        obligation.due_at,
    ]
    return FilingOverdue(
        event_id=uuid.uuid5(_NAMESPACE, json.dumps(said, separators=(",", ":"))),
        certificate_number=obligation.number,
        unit_code=obligation.unit_code,
        occurred_at=obligation.due_at,
        submitter=_WATCH,
        registration_id=obligation.registration_id,
        due_at=obligation.due_at,
        observed_at=observed_at,
    )
