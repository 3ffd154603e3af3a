"""Who may call what: the table of DESIGN section 8."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Call(StrEnum):
    """What a role is needed for. The first seven are kinds of submission, named as in submit files."""

    CLAIM = "claim"
    RELEASE = "release"
    COMPLETION = "completion"
    FILING = "filing"
    WITHDRAWAL = "withdrawal"
    BLACKLIST_CHANGE = "blacklist-change"
    INVALIDATION = "invalidation"
    HEARTBEAT = "heartbeat"
    DAILY_COUNT = "daily-count"
    APPROVE_WITHDRAWAL = "approval of a withdrawal"
    BACKFILL = "backfill"
    STATUS = "status query"
    SUBMISSIONS = "query of submissions"
    RANGES = "query of ranges"
    BLACKLIST = "query of the blacklist"


_DESK: Final = frozenset(
    {
        Call.CLAIM,
        Call.RELEASE,
        Call.COMPLETION,
        Call.FILING,
        Call.WITHDRAWAL,
        Call.STATUS,
        Call.SUBMISSIONS,
    }
)
_ADMIN: Final = frozenset(
    {
        Call.BLACKLIST_CHANGE,
        Call.WITHDRAWAL,
        Call.APPROVE_WITHDRAWAL,
        Call.BACKFILL,
        Call.STATUS,
        Call.SUBMISSIONS,
        Call.RANGES,
        Call.BLACKLIST,
    }
)

MAY: Final[dict[str, frozenset[Call]]] = {
    "station": _DESK,
    "adapter": _DESK | {Call.HEARTBEAT, Call.DAILY_COUNT, Call.BACKFILL},
    "prefecture_admin": _ADMIN,
    "province_admin": _ADMIN,
    "health_authority": frozenset({Call.INVALIDATION, Call.STATUS, Call.SUBMISSIONS, Call.RANGES}),
    "operator": frozenset({Call.STATUS}),
    "auditor": frozenset({Call.STATUS, Call.SUBMISSIONS, Call.RANGES, Call.BLACKLIST}),
}


def allowed(roles: Iterable[str]) -> frozenset[Call]:
    """What the roles together allow; a role this table does not know allows nothing."""
    calls: frozenset[Call] = frozenset()
    for role in roles:
        calls |= MAY.get(role, frozenset())
    return calls
