"""What may be done with a certificate number, from the fold of everything decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from natalog.decision.codes import FLAGS, Code
from natalog.decision.numbers import PROVINCES, has_letter, province
from natalog.status.detail import Detail
from natalog.status.view import PLAINLY_USED


class Status(StrEnum):
    """Gravest first (编号状态)."""

    MALFORMED = "MALFORMED"
    BLACKLISTED = "BLACKLISTED"
    INVALIDATED = "INVALIDATED"
    USED = "USED"
    CLAIMED = "CLAIMED"
    UNUSED = "UNUSED"
    UNKNOWN = "UNKNOWN"
    """Nobody can tell now: never to be taken for UNUSED."""


LABELS: dict[Status, str] = {
    Status.MALFORMED: "格式错误",
    Status.BLACKLISTED: "黑名单",
    Status.INVALIDATED: "已作废",
    Status.USED: "已使用",
    Status.CLAIMED: "占用中",
    Status.UNUSED: "未使用",
    Status.UNKNOWN: "无法确定",
}


def _flag(code: str, text: str) -> Code:
    """A flag of the rule set as a warning: its own label, and what it means before a registration."""
    flag = next(flag for flag in FLAGS if flag.code == code)
    return Code(code, flag.zh, text, flag.source)


WARNINGS: Final[tuple[Code, ...]] = (
    _flag("PREFIX_WARNING", "The number names no province. Compare it with the paper."),
    Code(
        "ONLY_BIRTHS_TO_2000",
        "仅限2000年底前出生",
        "Nine digits without a letter are good for births up to 2000-12-31 only. For a later one, add the letter "
        "that stands on the paper and ask again.",
        "出生医学证明编号规则",
    ),
    _flag(
        "CONTESTED",
        "More than one registration has tried the number. Even where it is usable, ask the prefecture first.",
    ),
    _flag(
        "SUCCESSION",
        "Issued in exchange for a number on which a registration stands, and good for that registration alone. "
        "Register no other child with it.",
    ),
    _flag(
        "WITHDRAWN_BEFORE",
        "A registration was withdrawn from the number. It may be used again; find out why before you do.",
    ),
    _flag(
        "LISTED_AFTER_USE",
        "Blacklisted after a registration had used it. That registration stands; the prefecture reviews it.",
    ),
    _flag(
        "INVALIDATED_AFTER_USE",
        "Voided after a registration had used it, as in an exchange. That registration stands.",
    ),
    Code(
        "LISTED_LATER",
        "列入或作废日期未到",
        "A blacklist entry or a void is on record that binds from a later time, when filings will be refused. "
        "Ask its owner before you register.",
        "Natalog listing rule",
    ),
    Code(
        "COMPLETED",
        "已办结待备案",
        "A registration was completed with it and its filing is still to come. Register no other child with it; "
        "if it is your own, file it.",
        "Natalog completion rule",
    ),
)
"""Every code a status may warn of, with what it means for a desk. CLI and OpenAPI show these."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The status of one number as it is now."""

    status: Status
    usable: bool
    used: bool = False
    blacklisted: bool = False
    invalidated: bool = False
    contested: bool = False
    claimed_by_me: bool = False
    warnings: tuple[str, ...] = ()
    """Codes of WARNINGS."""


def find(number: str, detail: Detail | None, at: int, unit: str) -> Finding:
    """Status of a well-formed number for a unit (12 digits) or authority at `at`, the broker's time, UTC milliseconds.

    Never before the number's last decision: a time that lags or was set back does not undo what was decided.
    Usable is what is UNUSED, or CLAIMED by the unit itself. The successor of a used number is neither: it is good
    for the registration that stands there alone. `detail` None: the ledger says nothing about the number.
    """
    if detail is None or detail is PLAINLY_USED:
        return _plain(province(number) in PROVINCES, has_letter(number), detail is not None)
    at = max(at, detail.last_at)
    warnings = _warnings_of_number(province(number) in PROVINCES, has_letter(number))
    used = detail.used
    blacklisted = any(listing.binds_from <= at for listing in detail.listings)
    invalidated = detail.void is not None and detail.void.binds_from <= at
    open_claims = [held.unit_code for held in detail.claims if held.open_at(at)]
    warnings += _warnings(detail, at)
    status = (
        Status.BLACKLISTED
        if blacklisted
        else Status.INVALIDATED
        if invalidated
        else Status.USED
        if used
        else Status.CLAIMED
        if open_claims
        else Status.UNUSED
    )
    # An earlier release may have let several units claim at different rule sets: all open ones must be ours.
    free = status is Status.UNUSED or (status is Status.CLAIMED and all(c == unit for c in open_claims))
    return Finding(
        status=status,
        usable=free and not detail.inherits(),
        used=used,
        blacklisted=blacklisted,
        invalidated=invalidated,
        contested=detail.contested,
        claimed_by_me=unit in open_claims,
        warnings=tuple(warnings),
    )


@cache
def _plain(known_province: bool, letter: bool, used: bool) -> Finding:
    """Of a number about which the ledger says nothing, or that it is used and no more: nearly all of them."""
    warnings = tuple(_warnings_of_number(known_province, letter))
    status = Status.USED if used else Status.UNUSED
    return Finding(status, usable=not used, used=used, warnings=warnings)


def _warnings_of_number(known_province: bool, letter: bool) -> list[str]:
    warnings = [] if known_province else ["PREFIX_WARNING"]
    if not letter:
        warnings.append("ONLY_BIRTHS_TO_2000")
    return warnings


def _warnings(detail: Detail, at: int) -> list[str]:
    found = []
    void, used = detail.void, detail.used
    if detail.contested:
        found.append("CONTESTED")
    if detail.inherits():
        found.append("SUCCESSION")
    if detail.withdrawn:
        found.append("WITHDRAWN_BEFORE")
    if used and any(listing.seq > detail.standing_seq for listing in detail.listings):
        found.append("LISTED_AFTER_USE")
    if used and void is not None and void.seq > detail.standing_seq:
        found.append("INVALIDATED_AFTER_USE")
    if any(listing.binds_from > at for listing in detail.listings) or (
        void is not None and void.binds_from > at
    ):
        found.append("LISTED_LATER")
    if not used and detail.completed:
        found.append("COMPLETED")
    return found
