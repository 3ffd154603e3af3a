"""The seven doubtful patterns of the notice, section 一 (存疑情形), and the legal grounds that clear them."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import age, beijing_day, bounded_day
from natalog.decision.commands import Filing
from natalog.decision.listings import UNKNOWN, registered_ms
from natalog.decision.rules import RuleSet

_COLLECTIVE: Final[frozenset[str]] = frozenset(
    ["STATION_COLLECTIVE", "COMMUNITY_COLLECTIVE", "UNIVERSITY_COLLECTIVE"]
)
# Nothing said is nothing shown, and so is a code that is not in the table.
_PATERNITY_SHOWN: Final[frozenset[str | None]] = frozenset(["DNA", "JUDGMENT"])


def doubts_of(filing: Filing, received_at: i64, rules: RuleSet) -> i64:
    """Doubts of an accepted filing. A late first registration under six is none."""
    mask: i64 = 0
    household = filing.household_kind
    if household is not None:
        if household == "FAMILY":
            if filing.relation_to_head == "99":
                mask |= codes.NON_RELATIVE
        elif household in _COLLECTIVE:
            mask |= codes.COLLECTIVE_HOUSEHOLD
    if filing.category == "FACT_ADOPTION":
        mask |= codes.PRIVATE_ADOPTION
    follows = filing.follows
    if follows is not None:
        if follows == "FATHER":
            if filing.parents_married is False and filing.paternity_evidence not in _PATERNITY_SHOWN:
                mask |= codes.UNMARRIED_FATHER
        elif follows == "OTHER" or follows == "NONE":
            mask |= codes.FOLLOWS_NEITHER
    if mask != 0 and filing.placement_basis is not None:
        mask &= ~cleared_by(filing, rules)
    if filing.birth_date is not None and not _checked(filing):
        registered: i64 = registered_ms(filing)
        day: i64 = beijing_day(received_at if registered == UNKNOWN else registered)
        if age(bounded_day(filing.birth_date), day) >= 6:
            mask |= codes.OVER_SIX
    return mask


def cleared_by(filing: Filing, rules: RuleSet) -> i64:
    """Doubts its placement basis clears: none without `basis_ref` or `case_ref`; CASE_DECIDED needs the latter."""
    basis = filing.placement_basis
    if basis is None or not (filing.basis_ref or filing.case_ref):
        return 0
    if basis == "CASE_DECIDED" and not filing.case_ref:
        return 0
    return rules.clears.get(basis, 0)


def _checked(filing: Filing) -> bool:
    """Whether every check after the sixth birthday is there (notice, section 二.二)."""
    done = filing.over_six
    return (
        done is not None
        and done.visit
        and done.face
        and done.fingerprint
        and done.dna
        and bool(done.approval_ref)
    )
