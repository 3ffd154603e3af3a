"""What fields may hold beyond their Avro type: forms, lengths, codes. One table for JSON and OpenAPI.

The vocabularies themselves, with Chinese and source, are decision/vocabulary.py's (DESIGN section 5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from natalog.decision.vocabulary import VOCABULARIES

MAX_COUNT = 2**53 - 1  # what every JSON reader can tell exactly
MAX_STRING = 256
"""Characters of any string field without a rule of its own."""
MAX_BYTES = 128 * 1024
"""Bytes of a filing's `sealed`. With the strings' limit it keeps a record below 256 KiB."""
MAX_VALUE = 1024 * 1024
"""Bytes of any other bytes field: the ledger's `max.message.bytes`."""

# Birth date in the middle, as in GB 11643: a plain serial number of 18 digits need not look like that.
_CITIZEN_ID = re.compile(
    r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A form (a pattern matched in full) or a vocabulary, and the sentences for whoever missed it."""

    pattern: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Each with its Chinese."""
    problem: str = ""
    suggestion: str = ""


_UNIT = Rule(
    r"[0-9]{12}",
    problem="This is not a police unit code.",
    suggestion="Send the unit's 12 digits (GA 380-2002), as in 330106520000.",
)
_UNIT_OR_AUTHORITY = Rule(
    r"[0-9]{12}|[0-9]{6}",
    problem="This is neither a police unit nor a division.",
    suggestion="Send a police unit's 12 digits (GA 380-2002) or an authority's 6 digits (GB/T 2260).",
)
_DIVISION = Rule(
    r"[0-9]{6}",
    problem="This is not a division code.",
    suggestion="Send its 6 digits (GB/T 2260), as in 330100.",
)
_REGISTRATION = Rule(
    r"[A-Za-z0-9-]{1,64}",
    problem="This is not a registration id.",
    suggestion="Send 1 to 64 letters, digits and hyphens: the local system's own key of the registration.",
)


def _one_of(codes: Mapping[str, str]) -> Rule:
    return Rule(
        codes=codes,
        problem="This code is not in the vocabulary.",
        suggestion=f"Send one of {', '.join(codes)}.",
    )


_RULES: dict[str, Rule] = {
    "unit_code": _UNIT,
    "division": _DIVISION,
    "owner": _DIVISION,
    "issuer": _DIVISION,
    "registration_id": _REGISTRATION,
    "relation_to_head": Rule(
        r"[0-9]{2}",
        problem="This is not a relation to the head of household.",
        suggestion="Send the two digits of GB/T 4761, 99 for a non-relative.",
    ),
    **{name: _one_of(codes) for name, codes in VOCABULARIES.items()},
    "Withdrawal.unit_code": _UNIT_OR_AUTHORITY,
    "BlacklistChange.unit_code": _UNIT_OR_AUTHORITY,
    "Invalidation.unit_code": _UNIT_OR_AUTHORITY,
    # Made by Natalog itself, whose principals have no unit.
    "Succession.unit_code": Rule(),
    "FilingOverdue.unit_code": Rule(),
}

NUMBERS = frozenset({"certificate_number", "replaced_by", "predecessor", "contested_by"})
"""Fields that hold a certificate number: normalised when that makes it well-formed, else kept as received."""

MAY_BE_EMPTY = frozenset({"certificate_number", "replaced_by"})
"""Fields whose empty string is recorded: what stood on the form is the registrar's to judge."""


def rule_of(record: str, field: str) -> Rule:
    """The rule of a field; an empty rule where there is none beyond the lengths."""
    return _RULES.get(f"{record}.{field}") or _RULES.get(field) or Rule()


def looks_like_citizen_id(text: str) -> bool:
    """Whether the text has the form of an 18-character citizen ID (GB 11643), which must never be a key."""
    return len(text) == 18 and _CITIZEN_ID.fullmatch(text) is not None
