"""What a status answer says, from the full state of `decision/`: what the status view must equal (I5)."""

from __future__ import annotations

from natalog.decision.numbers import PROVINCES, has_letter, province
from natalog.decision.state import NumberState
from natalog.gateway.status import Finding, Status


def find(number: str, state: NumberState | None, at: int, unit: str) -> Finding:
    """Status of a well-formed number for a unit (12 digits) or authority at `at`, UTC milliseconds.

    As a filing that came now would be decided: at `at`, but not before the number's last decision (DESIGN section 4).

    Usable is what is UNUSED, or CLAIMED by the unit itself. The successor of a used number is neither: it is good
    for the registration that stands there alone.
    """
    warnings = [] if province(number) in PROVINCES else ["PREFIX_WARNING"]
    if not has_letter(number):
        warnings.append("ONLY_BIRTHS_TO_2000")
    if state is None:
        return Finding(Status.UNUSED, usable=True, warnings=tuple(warnings))
    at = max(at, state.last_at)
    used = state.stands() is not None
    blacklisted = any(listing.binds_from <= at for listing in state.listings)
    invalidated = state.void is not None and state.void.binds_from <= at
    open_claims = [held.unit_code for held in state.claims if held.open_at(at)]
    warnings += _warnings(state, at, used=used)
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
    mine = unit in open_claims
    # An earlier release may have let several units claim at different rule sets: all open ones must be ours.
    free = status is Status.UNUSED or (status is Status.CLAIMED and all(c == unit for c in open_claims))
    return Finding(
        status=status,
        usable=free and state.inherited() is None,
        used=used,
        blacklisted=blacklisted,
        invalidated=invalidated,
        contested=state.contested,
        claimed_by_me=mine,
        warnings=tuple(warnings),
    )


def _warnings(state: NumberState, at: int, *, used: bool) -> list[str]:
    found = []
    if state.contested:
        found.append("CONTESTED")
    if state.inherited() is not None:
        found.append("SUCCESSION")
    if state.withdrawn:
        found.append("WITHDRAWN_BEFORE")
    if used and any(listing.seq > state.standing_seq for listing in state.listings):
        found.append("LISTED_AFTER_USE")
    if used and state.void is not None and state.void.seq > state.standing_seq:
        found.append("INVALIDATED_AFTER_USE")
    if any(listing.binds_from > at for listing in [*state.listings, *([state.void] if state.void else [])]):
        found.append("LISTED_LATER")
    if not used and any(r.completed_at >= 0 and not r.withdrawn and not r.filed for r in state.registrations):
        found.append("COMPLETED")
    return found
