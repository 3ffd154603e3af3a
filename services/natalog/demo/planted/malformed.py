"""Numbers as people type them."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, accepted, problem, refused
from natalog.demo.plan import planted
from natalog.demo.scene import Scene
from natalog.sample import Record

SUBJECT = "malformed numbers"
PROOFS = {"visit": True, "face": True, "fingerprint": True, "dna": True, "approval_ref": "3301-2026-118"}


def _slip(s: Scene, child: Record, digit: str, letter: str) -> tuple[str, str]:
    """The child's number, right and with one `digit` typed as `letter`; takes another number if it has none."""
    right = str(child["certificate_number"])
    while digit not in right[3:]:
        # One of an edition that nothing else in the day uses.
        right = f"B{right[1:3]}{int(s.rng.random() * 10_000_000):07d}"
    child["certificate_number"] = right
    at = right.rfind(digit)
    return right, right[:at] + letter + right[at + 1 :]


@planted(SUBJECT, 6)
async def letter_o_for_zero_then_corrected(s: Scene) -> None:
    child = s.child()
    right, wrong = _slip(s, child, "0", "O")
    gate = await s.checked(child)
    sent = await s.file(
        child,
        refused("MALFORMED_NUMBER", suggestion=right),
        ago=90,
        certificate_number=wrong,
        gate=gate,
        note="files with the letter O in the number",
    )
    await s.file(
        child,
        accepted(timed=False),
        certificate_number=right,
        event_id=s.uuid(),
        corrects=sent.event_id,
        registered_at=child["registered_at"],
        note="sends it again with the number as suggested",
    )


@planted(SUBJECT, 2)
async def letter_i_for_one(s: Scene) -> None:
    child = s.child()
    right, wrong = _slip(s, child, "1", "I")
    expect = refused("MALFORMED_NUMBER", suggestion=right)
    await s.file(child, expect, certificate_number=wrong, gate=s.uuid())


@planted(SUBJECT, 2)
async def digit_missing(s: Scene) -> None:
    child = s.child()
    wrong = str(child["certificate_number"])[:9]
    await s.file(child, refused("MALFORMED_NUMBER"), certificate_number=wrong, gate=s.uuid())


@planted(SUBJECT, 3)
async def claim_of_a_malformed_number(s: Scene) -> None:
    child = s.child()
    right, child["certificate_number"] = _slip(s, child, "0", "O")
    await s.checked(child, "MALFORMED")
    await s.claim(child, problem(422, suggestion=right))


@planted(SUBJECT, 3)
async def no_number_and_no_reason(s: Scene) -> None:
    child = s.child(certificate_number=None)
    await s.file(child, refused("MISSING_NUMBER"))


@planted(SUBJECT, 2)
async def bare_digits_for_a_later_birth(s: Scene) -> None:
    child = s.child()
    child["certificate_number"] = str(child["certificate_number"])[1:]
    expect = refused("MALFORMED_NUMBER", suggestion="*")
    await s.file(child, expect, gate=s.uuid())


@planted("numbers that normalise", 6)
async def full_width_digits(s: Scene) -> None:
    child = s.child()
    number = str(child["certificate_number"])
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number)
    gate = await s.checked(child)
    await s.file(child, accepted(number=number), certificate_number=wide, gate=gate)


@planted("numbers that normalise", 2)
async def lower_case_and_blanks(s: Scene) -> None:
    child = s.child()
    number = str(child["certificate_number"])
    await s.file(child, accepted(number=number), certificate_number=f" {number.lower()} ", gate=s.uuid())


@planted("numbers that normalise", 2)
async def bare_digits_of_the_nineties(s: Scene) -> None:
    child = s.child(birth_date="1998-05-17", category="OTHER_UNREGISTERED", over_six=PROOFS)
    child["certificate_number"] = str(child["certificate_number"])[1:]
    await s.file(child, CLEAN, gate=await s.checked(child))
