"""The day's ordinary work: every one of these registrations must come out clean."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, accepted
from natalog.demo.people import desk
from natalog.demo.scene import Scene, stamp

LEAST_AGO = 2.0  # seconds between a registration and its filing, at least
BEFORE_CLAIM = (
    240.0  # seconds a registration may lie before its claim in the compressed day; the skew allows 300
)
LONGEST_AGO = 25 * 60.0


async def ordinary(s: Scene) -> None:
    """A child of the made-up day just as the sample has it, by one of the ways a desk goes."""
    child = s.bases.pop()
    child.pop("gate", None)
    chance = s.rng.random
    if "certificate_number" not in child:
        await s.file(child, ago=LEAST_AGO + chance() * LONGEST_AGO)
        return
    ago = LEAST_AGO + chance() * BEFORE_CLAIM
    if chance() < 0.6:
        claim = await s.claim(child)
        gate = claim.event_id
    else:
        gate = await s.checked(child)
        ago = LEAST_AGO + chance() * LONGEST_AGO
    registered_at = stamp(ago)
    if chance() < 0.3:
        await _complete(s, dict(child), registered_at)
    await s.file(child, CLEAN, gate=gate, registered_at=registered_at)
    if chance() < 0.1:
        await s.status(str(child["certificate_number"]), desk(str(child["unit_code"])), "USED")


async def _complete(s: Scene, child: dict[str, object], registered_at: str) -> None:
    unit = str(child["unit_code"])
    record: dict[str, object] = {
        "event_id": s.uuid(),
        "certificate_number": child["certificate_number"],
        "unit_code": unit,
        "occurred_at": stamp(0),
        "registration_id": child["registration_id"],
        "registered_at": registered_at,
    }
    await s.send("completion", record, desk(unit), accepted(), "completes the registration")
