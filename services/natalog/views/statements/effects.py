"""Which statements a batch needs, in order."""

from __future__ import annotations

from natalog.views.statements import (
    blacklist,
    certificates,
    claims,
    contests,
    obligations,
    registrations,
    stage,
    voids,
    withdrawals,
)

Step = tuple[str, tuple[int, ...] | None]
"""A statement and its arguments."""


def effects(filings: int, turns: int, kinds: dict[str, int]) -> list[Step]:
    """What a batch needs, in order, after the rows were copied."""
    return [*_of_filings(filings, turns), *((statement, None) for statement in _of_rows(filings, kinds))]


def _of_filings(filings: int, turns: int) -> list[Step]:
    if not filings:
        return []
    if turns > registrations.MOST_TURNS:
        return [(s, None) for s in (stage.INSERT_FILINGS, registrations.UPSERT, certificates.UPSERT)]
    steps: list[Step] = [(stage.INSERT_FILINGS, None)]
    for turn in range(turns):
        steps += [(registrations.UPSERT_TURN, (turn,)), (certificates.UPSERT_TURN, (turn,))]
    return steps


def _of_rows(filings: int, kinds: dict[str, int]) -> list[str]:
    needed: list[str] = []
    if kinds:
        needed += [stage.INSERT_DECISIONS, certificates.TOUCH]
    if "Completion" in kinds:
        needed += [registrations.UPSERT_COMPLETED, obligations.OPEN]
    if filings or "Withdrawal" in kinds:
        needed.append(obligations.CLOSE)
    if "Claim" in kinds:
        needed.append(claims.OPEN)
    if filings or not kinds.keys().isdisjoint(("Claim", "Release", "Completion")):
        needed.append(claims.CLOSE)
    if filings or "Succession" in kinds:
        needed.append(contests.OPEN)
    if "FilingOverdue" in kinds:
        needed.append(obligations.MARK_OVERDUE)
    if "Withdrawal" in kinds:
        needed += [withdrawals.FREE_REGISTRATIONS, withdrawals.MARK_FILINGS, contests.CLOSE]
    if "BlacklistChange" in kinds:
        needed += [blacklist.LIST, blacklist.REQUEST_REMOVAL, blacklist.REMOVE]
    if "Invalidation" in kinds:
        needed += [voids.VOID, voids.REINSTATE, voids.REPLACE]
    return needed
