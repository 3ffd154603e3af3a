"""From registrations to what a desk sends for them: lines for `natalog submit`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import orjson

from natalog.sample.placement import Record

_CLAIM = 0x5A17C1A1
_COMPLETION = 0x3C0591E7


class Kinds(StrEnum):
    """What to write for each registration."""

    FILINGS = "filings"
    """Its filing."""
    DAY = "day"
    """Its claim, for every third a completion, its filing; one in fifty answers is lost and the filing sent again."""


def lines(registrations: Iterable[Record], kinds: Kinds = Kinds.FILINGS) -> Iterator[bytes]:
    """One JSON text per record, without line end. The lines of one registration stand together, in order.

    Takes nothing but the registrations themselves, so their order and number change no line.
    """
    dumps = orjson.dumps
    for filing in registrations:
        if kinds is Kinds.FILINGS:
            yield dumps({"kind": "filing", **filing})
            continue
        for record in _day(filing):
            yield dumps(record)


def _day(filing: Record) -> Iterator[Record]:
    event_id = str(filing["event_id"])
    dice = int(event_id[:4], 16)
    head: Record = {"unit_code": filing["unit_code"]}
    if "certificate_number" in filing:
        head["certificate_number"] = filing["certificate_number"]
        claim_id = _derived(event_id, _CLAIM)
        yield {"kind": "claim", "event_id": claim_id, **head, "occurred_at": filing["registered_at"]}
        filing = {**filing, "gate": claim_id}
    elif "exemption" in filing:
        head["exemption"] = filing["exemption"]
    if dice % 3 == 0:
        yield {
            "kind": "completion",
            "event_id": _derived(event_id, _COMPLETION),
            **head,
            "occurred_at": filing["captured_at"],
            "registration_id": filing["registration_id"],
            "registered_at": filing["registered_at"],
        }
    yield {"kind": "filing", **filing}
    if dice % 50 == 1:
        yield {"kind": "filing", **filing}


def _derived(event_id: str, mark: int) -> str:
    """Another event id of the same registration."""
    return f"{int(event_id[:8], 16) ^ mark:08x}{event_id[8:]}"
