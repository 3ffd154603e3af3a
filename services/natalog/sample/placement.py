"""Where a made-up child is placed: category, household, relation to its head, whom it follows, and why.

Shares are approximate. Everything regular here comes out of the rules without a doubt; `irregular` picks one
of the notice's patterns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from natalog.sample.births import BOYS

Record = dict[str, object]
"""One record in the gateway's JSON form."""

SHARED_BY_TWINS: Final = (
    "category",
    "household_kind",
    "relation_to_head",
    "follows",
    "placement_basis",
    "basis_ref",
    "parents_married",
    "paternity_evidence",
)


def place(record: Record, chance: Callable[[], float], reference: str, *, irregular: bool) -> None:
    """Fill in a registration with a certificate. `reference` is eight characters for documents' numbers."""
    boy = chance() < BOYS
    record["category"] = "ORDINARY"
    record["household_kind"] = "FAMILY"
    if chance() < 0.68:
        record["relation_to_head"] = "20" if boy else "30"  # son, daughter
    else:
        grandchild = 41 if chance() < 0.8 else 43
        record["relation_to_head"] = str(grandchild if boy else grandchild + 1)
    married = chance() < 0.955
    record["parents_married"] = married
    if irregular:
        _irregular(record, chance)
    elif married:
        share = chance()
        record["follows"] = "BOTH" if share < 0.5 else "FATHER" if share < 0.78 else "MOTHER"
        _household(record, chance(), reference)
    elif chance() < 0.7:
        record["follows"] = "MOTHER"
        record["paternity_evidence"] = "NONE"
    else:
        record["follows"] = "FATHER"
        record["paternity_evidence"] = "DNA" if chance() < 0.9 else "JUDGMENT"


def _household(record: Record, share: float, reference: str) -> None:
    """The few that are not placed in a family's household, or not with a parent."""
    if share < 0.972:
        return
    if share < 0.984:
        record["household_kind"] = "UNIT_COLLECTIVE"
    elif share < 0.995:
        record["household_kind"] = "COMMUNITY_COLLECTIVE" if share < 0.993 else "STATION_COLLECTIVE"
        record["placement_basis"] = "PARENT_IN_COLLECTIVE"
    elif share < 0.998:
        record["follows"] = "OTHER"
        record["relation_to_head"] = "41"
        record["placement_basis"] = "STUDENT_PARENTS"
    elif share < 0.9995:
        record["follows"] = "OTHER"
        record["relation_to_head"] = "43"
        record["placement_basis"] = "OVERSEAS_PARENTS"
    else:
        record["follows"] = "OTHER"
        record["placement_basis"] = "PARENTS_WITHOUT_HUKOU_OR_CUSTODY"
    if "placement_basis" in record:
        record["basis_ref"] = f"LH-{reference}"


def _irregular(record: Record, chance: Callable[[], float]) -> None:
    record["follows"] = "MOTHER"
    pattern = int(chance() * 6)
    if "over_six" in record:
        del record["over_six"]
    elif pattern == 0:
        record["household_kind"] = "STATION_COLLECTIVE" if chance() < 0.4 else "COMMUNITY_COLLECTIVE"
    elif pattern == 1:
        record["relation_to_head"] = "99"
    elif pattern == 2:
        record["category"] = "FACT_ADOPTION"
    elif pattern == 3:
        record["follows"] = "OTHER" if chance() < 0.7 else "NONE"
    else:
        record["parents_married"] = False
        record["follows"] = "FATHER"
        record["paternity_evidence"] = "NONE"


def place_exempt(record: Record, chance: Callable[[], float], reference: str) -> None:
    """Fill in a registration that has no usable certificate (公通字〔2021〕12号, articles 23 to 30)."""
    share = chance()
    boy = chance() < BOYS
    record["household_kind"] = "FAMILY"
    record["relation_to_head"] = "20" if boy else "30"
    if share < 0.70:
        record["category"] = record["exemption"] = "BORN_ABROAD"
        record["follows"] = "FATHER" if chance() < 0.5 else "MOTHER"
        record["parents_married"] = True
    elif share < 0.88:
        record["category"] = "ADOPTION"
        record["exemption"] = "ADOPTED"
        record["follows"] = "OTHER"
        record["placement_basis"] = "ADOPTION_REGISTERED"
        record["basis_ref"] = f"SY-{reference}"
    elif share < 0.94:
        record["category"] = record["exemption"] = record["placement_basis"] = "WELFARE_HOME"
        record["household_kind"] = "WELFARE_COLLECTIVE"
        record["relation_to_head"] = "99"
        record["follows"] = "NONE"
        record["basis_ref"] = f"FL-{reference}"
    else:
        record["category"] = "CATEGORY_EIGHT"
        record["exemption"] = record["placement_basis"] = "CASE_DECIDED"
        record["follows"] = "OTHER"
        record["case_ref"] = f"YA-{reference}"
