"""Whose doing a late filing was (迟报原因): a pure rule over the four clocks. Compiled.

docs/projection.md states it for people.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.rules import NEWEST

NONE: Final = 0
STATION: Final = 1
TRANSPORT: Final = 2
MINISTRY: Final = 3
CLOCK: Final = 4
UNKNOWN: Final = 5
CAUSES: Final[tuple[str, ...]] = ("", "STATION", "TRANSPORT", "MINISTRY", "CLOCK", "UNKNOWN")

SLA_MS: Final = int(NEWEST.sla_ms)
SKEW_MS: Final = int(NEWEST.skew_ms)
"""By so much may one clock be ahead of the next one and still count as in order."""
SILENCE_MS: Final = 10 * 60_000
"""A partition of birth.registrations that took no record from anybody for so long was silent."""


def lateness_cause(
    flags: i64,
    registered_at: int | None,
    captured_at: int | None,
    attempted_at: int | None,
    received_at: i64,
    silent_from: i64,
    silent_to: i64,
) -> i64:
    """The cause of a filing's lateness, NONE where it is not late. Times in UTC ms.

    `silent_from` and `silent_to` are the last silence before the filing, 0 and 0 if there was none.
    """
    if flags & codes.FILED_LATE == 0:
        return NONE
    if flags & (codes.CLOCK_SKEW | codes.BACKDATED):
        return CLOCK
    before: int | None = None
    for clock in (registered_at, captured_at, attempted_at, int(received_at)):
        if clock is None:
            continue
        if before is not None and clock < before - SKEW_MS:
            return CLOCK
        before = clock if before is None or clock > before else before
    if registered_at is None or captured_at is None or attempted_at is None:
        return UNKNOWN
    due: int = registered_at + SLA_MS
    if attempted_at > due:
        return STATION
    if silent_from <= due < silent_to:
        return MINISTRY
    return TRANSPORT
