"""What a rule demands of one answer, and where an answer differs from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from natalog.demo.gateway import Answer, milliseconds
from natalog.sample import Record


@dataclass(frozen=True, slots=True)
class Expect:
    """A verdict in full: what is not named must not be there.

    `first` is the answer whose seq must be cited, if that is to be compared. Of filings, `timed` says whether
    a delay must stand there; it counts from `timed_from`'s time of receipt, else from `registered_at`.
    `problem` expects an HTTP problem of that status, and nothing recorded. `again` expects the very answer
    given before. `suggestion` is compared where it is not None, "*" being any.
    """

    reason: str | None = None
    flags: frozenset[str] = frozenset()
    doubts: frozenset[str] = frozenset()
    first: Answer | None = None
    timed: bool = True
    timed_from: Answer | None = None
    delay_ms: int | None = None
    suggestion: str | None = None
    number: str | None = None
    problem: int | None = None
    again: Answer | None = None

    @property
    def verdict(self) -> str:
        """ACCEPTED or REFUSED, or the problem's status."""
        if self.problem is not None:
            return f"HTTP {self.problem}"
        return "REFUSED" if self.reason else "ACCEPTED"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one answer that is not as it must be."""

    scene: str
    step: str
    place: str
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.scene}, {self.step} at {self.place}: {self.field} {self.found}, must be {self.expected}"
        )


CLEAN = Expect()


def accepted(
    *flags: str,
    doubts: tuple[str, ...] = (),
    first: Answer | None = None,
    timed: bool = True,
    timed_from: Answer | None = None,
    delay_ms: int | None = None,
    number: str | None = None,
) -> Expect:
    """ACCEPTED with exactly these flags and doubts."""
    return Expect(
        flags=frozenset(flags),
        doubts=frozenset(doubts),
        first=first,
        timed=timed,
        timed_from=timed_from,
        delay_ms=delay_ms,
        number=number,
    )


def refused(
    reason: str,
    *flags: str,
    doubts: tuple[str, ...] = (),
    first: Answer | None = None,
    timed: bool = True,
    suggestion: str | None = None,
) -> Expect:
    """REFUSED for this reason with exactly these flags and doubts."""
    return Expect(
        reason=reason,
        flags=frozenset(flags),
        doubts=frozenset(doubts),
        first=first,
        timed=timed,
        suggestion=suggestion,
    )


def problem(status: int, *, suggestion: str | None = None) -> Expect:
    """Nothing recorded; the problem's status."""
    return Expect(problem=status, suggestion=suggestion)


def again(answer: Answer) -> Expect:
    """The record was sent before: the answer given then, to the last field."""
    body = answer.body
    return Expect(
        reason=body["reason"],
        flags=frozenset(body["flags"]),
        doubts=frozenset(body["doubts"]),
        again=answer,
    )


def differences(
    expect: Expect, answer: Answer, kind: str, record: Record
) -> Iterator[tuple[str, object, object]]:
    """(field, expected, found) for each thing that differs."""
    body = answer.body
    if expect.problem is not None or "verdict" not in body:
        if answer.status != expect.problem:
            yield (
                "verdict",
                expect.verdict,
                body.get("verdict") or f"HTTP {answer.status} {body.get('detail')}",
            )
        elif expect.suggestion is not None and body.get("suggestion") != expect.suggestion:
            yield "suggestion", expect.suggestion, body.get("suggestion")
        return
    if expect.again is not None:
        if body != expect.again.body:
            yield "the original answer", expect.again.body, body
        return
    for field, expected in (("verdict", expect.verdict), ("reason", expect.reason)):
        if body[field] != expected:
            yield field, expected, body[field]
    for field, wanted in (("flags", expect.flags), ("doubts", expect.doubts)):
        if sorted(body[field]) != sorted(wanted):
            yield field, sorted(wanted), sorted(body[field])
    if expect.first is not None and body["first"] != expect.first.seq:
        yield "first", expect.first.seq, body["first"]
    if expect.suggestion == "*" and not body["suggestion"]:
        yield "suggestion", "any", body["suggestion"]
    elif expect.suggestion not in (None, "*") and body["suggestion"] != expect.suggestion:
        yield "suggestion", expect.suggestion, body["suggestion"]
    if expect.number is not None and body["certificate_number"] != expect.number:
        yield "certificate_number", expect.number, body["certificate_number"]
    if kind == "filing":
        delay = _delay(expect, answer, record)
        if body["delay_ms"] != delay:
            yield "delay_ms", delay, body["delay_ms"]


def _delay(expect: Expect, answer: Answer, record: Record) -> int | None:
    """Milliseconds the filing took, by the rule of the 30 minutes."""
    if not expect.timed or "registered_at" not in record:
        return None
    if expect.delay_ms is not None:
        return expect.delay_ms
    if expect.timed_from is not None:
        return answer.received_ms - expect.timed_from.received_ms
    return max(0, answer.received_ms - milliseconds(str(record["registered_at"])))
