"""Listings that bind: the blacklist of each owning prefecture, and the issuer's void (黑名单, 作废)."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import bounded, bounded_day, midnight
from natalog.decision.commands import Filing
from natalog.decision.state import Listing, NumberState


def stated_listing(
    owner: str, effective_at: int | None, seq: i64, received_at: i64, replaced_by: str
) -> Listing:
    """A listing as it enters the state; it binds from max(received_at, effective_at)."""
    effective: i64 = received_at if effective_at is None else max(0, bounded(effective_at))
    return Listing(owner, seq, max(received_at, effective), effective, replaced_by)


def binding_listing(state: NumberState, at: i64) -> Listing | None:
    """The first blacklist entry that binds at `at`."""
    for listed in state.listings:
        if at >= listed.binds_from:
            return listed
    return None


def binding_void(state: NumberState, at: i64) -> Listing | None:
    """The issuer's void, when it binds at `at`."""
    void = state.void
    return void if void is not None and at >= void.binds_from else None


def registered_ms(filing: Filing) -> i64:
    """When the filing says it was registered, UTC ms; a date alone counts as 00:00 Beijing; −2^62 if unknown."""
    if filing.registered_at is not None:
        return bounded(filing.registered_at)
    if filing.registered_on is not None:
        return midnight(bounded_day(filing.registered_on))
    return UNKNOWN


UNKNOWN: i64 = -(1 << 62)


def excuse(state: NumberState, filing: Filing, listed: Listing, backfill: bool, at: i64, late: i64) -> i64:
    """The flag under which a filing is accepted in spite of `listed`; 0: it is refused.

    A desk that held an open claim, or had reported completion, before the listing acted in good faith;
    `late` is what a backfill of an older registration carries (LISTED_ or INVALIDATED_AFTER_USE).
    """
    own = state.own_claim(filing.unit_code)
    if own is not None and own.open_at(at) and _before(own.seq, own.granted_at, listed):
        return codes.LISTED_AFTER_CLAIM
    known = state.registration(filing.registration_id)
    if (
        known is not None
        and not known.withdrawn
        and known.completed_seq >= 0
        and _before(known.completed_seq, known.completed_at, listed)
    ):
        return codes.LISTED_AFTER_CLAIM
    if backfill:
        registered: i64 = registered_ms(filing)
        if registered != UNKNOWN and registered < listed.effective_at:
            return late
    return 0


def _before(seq: i64, received_at: i64, listed: Listing) -> bool:
    return seq < listed.seq or received_at < listed.binds_from


def claims_earlier(filing: Filing, listed: Listing) -> bool:
    """Whether, by the sender's word alone, it was registered before the listing bound."""
    registered: i64 = registered_ms(filing)
    return registered != UNKNOWN and registered < listed.binds_from
