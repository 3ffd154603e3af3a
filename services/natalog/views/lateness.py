"""Whose doing a late filing was (迟报原因): a pure rule over the four clocks. Compiled.

docs/projection.md states it for people.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.rules import RuleSet

NONE: Final = 0
STATION: Final = 1
TRANSPORT: Final = 2
MINISTRY: Final = 3
CLOCK: Final = 4
UNKNOWN: Final = 5
CAUSES: Final[tuple[str, ...]] = ("", "STATION", "TRANSPORT", "MINISTRY", "CLOCK", "UNKNOWN")

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
    rules: RuleSet,
) -> i64:
    """The cause of a filing's lateness, NONE where it is not late. Times in UTC ms.

    `silent_from` and `silent_to` are the last silence before the filing, 0 and 0 if there was none. `rules` is the set
    that decided the filing: its minutes ran out, and by its skew one clock may be ahead of the next and be in order.
    """
    if flags & codes.FILED_LATE == 0:
        return NONE
    if flags & (codes.CLOCK_SKEW | codes.BACKDATED):
        return CLOCK
    # A sender's clock may say any time: what is reckoned with it must not wrap around at 64 bits.
    sla: int = int(rules.sla_ms)
    skew: int = int(rules.skew_ms)
    before: int | None = None
    for clock in (registered_at, captured_at, attempted_at, int(received_at)):
        if clock is None:
            continue
        if before is not None and clock < before - skew:
            return CLOCK
        before = clock if before is None or clock > before else before
    if registered_at is None or captured_at is None or attempted_at is None:
        return UNKNOWN
    due: int = registered_at + sla
    if attempted_at > due:
        return STATION
    if int(silent_from) <= due < int(silent_to):
        return MINISTRY
    return TRANSPORT
