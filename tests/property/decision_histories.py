"""Made-up histories: commands of every kind on few numbers, sent by few units, so that every rule is met often.

Deterministic by seed on every Python (only `Random.random` is used). Times of receipt move on, seldom back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from natalog import events
from natalog.decision.decide import apply, decide
from natalog.decision.rules import NEWEST
from natalog.decision.state import NumberState
from natalog.events import BlacklistAction, InvalidationAction, Origin, OverSix, Principal, WithdrawalAction
from natalog.wire.codec import encode
from natalog.wire.hot import read_command
from natalog.wire.partition import key_of
from natalog.wire.topics import INTAKE_TOPICS

T0 = 1_782_871_200_000  # 2026-07-01 10:00 Beijing
MINUTE, DAY = 60_000, 86_400_000
PARTITION = 5
# Numbers, and registration ids of exempt children, whose keys lie in PARTITION.
NUMBERS = ["Z330000019", "Z330000037", "Z330000044"]
EXEMPT = ["X-16", "X-24"]
UNITS = ["330106520000", "330105510000", "330203530000", "310104510000", "990101000000"]
OWNERS = ["330100", "330200", "310000"]
PEOPLE = ["wang", "li", "zhao"]


@dataclass(frozen=True)
class Sent:
    """A record on its way: where it lies and when the broker took it."""

    record: Any
    topic: int
    key: bytes
    value: bytes
    at: int


class Author:
    """Writes one history."""

    def __init__(self, seed: int, numbers: list[str] = NUMBERS) -> None:
        self.rng = Random(seed)
        self.numbers = numbers
        self.at = T0
        self.count = 0
        self.states: dict[bytes, NumberState] = {}
        self.plans: list[tuple[int, Callable[[], Any]]] = []  # what follows, and from which record on
        self.claims: list[uuid.UUID] = []
        self.last: list[Any] = []  # records to be sent again
        self.kinds: list[tuple[int, Callable[[], Any]]] = [
            (22, self._claim),
            (5, self._release),
            (12, self._completion),
            (24, self._filing),
            (6, self._withdrawal),
            (4, self._blacklist),
            (2, self._invalidation),
            (3, self._overdue),
            (6, self._again),
        ]

    def one(self, of: Any) -> Any:
        return of[int(self.rng.random() * len(of))]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def write(self, count: int) -> Iterator[Sent]:
        total = sum(weight for weight, _ in self.kinds)
        for _ in range(count):
            self.count += 1
            self.at += int((self.rng.random() - 0.1) * 20 * MINUTE)
            record = self._next(int(self.rng.random() * total))
            self.last = [*self.last[-20:], record]
            sent = self.sent(record)
            self._hear(sent)
            yield sent

    def _hear(self, sent: Sent) -> None:
        """Learns what became of it: who knows what stands or is listed can undo it, and the history goes on."""
        state = self.states.setdefault(sent.key, NumberState())
        command = read_command(sent.value)
        decision = decide(state, command, sent.at, NEWEST)
        apply(state, command, decision, self.count, sent.at)

    def _known(self, number: str) -> NumberState:
        return self.states.get(number.encode()) or NumberState()

    def _next(self, place: int) -> Any:
        for planned in self.plans:
            if planned[0] <= self.count:
                self.plans.remove(planned)
                return planned[1]()
        for weight, kind in self.kinds:
            if place < weight:
                return kind()
            place -= weight
        raise AssertionError("beyond all weights")

    def sent(self, record: Any) -> Sent:
        topic = "birth.registrations"
        if isinstance(record, events.BlacklistChange):
            topic = "blacklist.changes"
        elif isinstance(record, (events.Invalidation, events.Succession)):
            topic = "certificate.invalidations"
        elif isinstance(record, events.FilingOverdue):
            topic = "sla.alerts"
        elif getattr(record, "origin", Origin.LIVE) is Origin.BACKFILL:
            topic = "birth.backfill"
        return Sent(record, INTAKE_TOPICS.index(topic), key_of(record), encode(record), self.at)

    def _id(self) -> uuid.UUID:
        if self.last and self.chance(0.02):
            old: uuid.UUID = self.one(self.last).event_id
            return old
        return uuid.UUID(int=int(self.rng.random() * 2**53) << 64 | int(self.rng.random() * 2**53))

    def _registration(self) -> str:
        """One of two at a time out of five, now and then one that never was."""
        if self.chance(0.1):
            return f"N{self.count}"
        return f"R{(self.count // 40 + int(self.rng.random() * 2)) % 5}"

    def _head(self, **more: Any) -> dict[str, Any]:
        unit = self.one(UNITS)
        head = {
            "event_id": self._id(),
            "certificate_number": self.one(self.numbers),
            "unit_code": unit,
            "occurred_at": self.at,
            "submitter": Principal(sub=self.one(PEOPLE), org=unit, roles=(self.one(("station", "adapter")),)),
        }
        return head | more

    def _again(self) -> Any:
        return self.one(self.last) if self.last else self._claim()

    def _claim(self) -> events.Claim:
        made = events.Claim(**self._head())
        self.claims = [*self.claims[-5:], made.event_id]
        return made

    def _release(self) -> events.Release:
        return events.Release(**self._head())

    def _registered_at(self) -> int:
        return self.at - int((self.rng.random() - 0.2) * 60 * MINUTE)

    def _child(self) -> dict[str, Any]:
        if self.chance(0.06):
            exemption = self.one(("ADOPTED", "BEFORE_1996", "CASE_DECIDED", "NONSENSE", None))
            return self._head(certificate_number=None, registration_id=self.one(EXEMPT), exemption=exemption)
        return self._head(registration_id=self._registration())

    def _completion(self) -> events.Completion:
        return events.Completion(**self._child(), registered_at=self._registered_at())

    def _filing(self) -> events.Filing:
        backfill = self.chance(0.2)
        gate = str(self.one(self.claims)) if self.claims and self.chance(0.5) else self.one(("check", None))
        registered = self._registered_at() - (400 * DAY if backfill and self.chance(0.8) else 0)
        return events.Filing(
            **self._child(),
            registered_at=None if self.chance(0.05) else registered,
            registered_on=registered // DAY if self.chance(0.1) else None,
            category=self.one(("ORDINARY", "FACT_ADOPTION", "ADOPTION")),
            household_kind=self.one(("FAMILY", "STATION_COLLECTIVE", "UNIT_COLLECTIVE", None)),
            relation_to_head=self.one(("21", "99", None)),
            follows=self.one(("BOTH", "FATHER", "NONE", None)),
            placement_basis=self.one((None, "CASE_DECIDED", "STUDENT_PARENTS")),
            case_ref=self.one((None, "C-1")),
            basis_ref=self.one((None, "B-1")),
            birth_date=self.one((None, 20_000, 17_000, 9_400)),
            parents_married=self.one((True, False, None)),
            paternity_evidence=self.one((None, "DNA", "NONE")),
            over_six=self.one((None, OverSix(), OverSix(visit=True, face=True))),
            gate=gate,
            origin=Origin.BACKFILL if backfill else Origin.LIVE,
            corrects=uuid.UUID(int=1) if self.chance(0.05) else None,
            sealed=b"sealed" if self.chance(0.3) else None,
        )

    def _soon(self, share: float, follow: Callable[[], Any]) -> None:
        """Plans a record that follows from another, mostly."""
        if self.chance(share):
            self.plans.append((self.count + 1 + int(self.rng.random() * 12), follow))

    def _withdrawal(self) -> events.Withdrawal:
        about = self._child()
        about.pop("exemption", None)
        standing = self._known(about["certificate_number"] or f"r:{about['registration_id']}").stands()
        if standing is not None and self.chance(0.8):
            person = Principal(sub=self.one(PEOPLE), org=standing.unit_code, roles=("station",))
            about |= {"registration_id": standing.registration_id, "submitter": person}
        asked = events.Withdrawal(**about, action=WithdrawalAction.REQUEST, cause="WRONG_NUMBER")
        for _ in range(2):
            self._soon(0.8, lambda: self._approval(asked))
        return asked

    def _approval(self, asked: events.Withdrawal) -> events.Withdrawal:
        self._soon(0.1, lambda: self._approval(asked))
        about = self._about(asked, "registration_id")
        return events.Withdrawal(**about, action=WithdrawalAction.APPROVE, request_id=asked.event_id)

    def _about(self, record: Any, *names: str) -> dict[str, Any]:
        """What another person of the same org or of the province says of the same thing."""
        same = {name: getattr(record, name) for name in ("certificate_number", "unit_code", *names)}
        org = self.one((record.submitter.org, record.submitter.org, "330000", "330000", self.one(UNITS)))
        head = self._head(submitter=Principal(sub=self.one(PEOPLE), org=org, roles=record.submitter.roles))
        return head | same

    def _effective(self) -> int | None:
        return self.at + int((self.rng.random() - 0.5) * 6 * DAY) if self.chance(0.5) else None

    def _blacklist(self) -> events.BlacklistChange:
        number, owner = self.one(self.numbers), self.one(OWNERS)
        already = self._known(number).listings
        if already and self.chance(0.9):
            owner = already[0].owner
        org = owner if self.chance(0.8) else self.one((*OWNERS, "330000"))
        person = Principal(sub=self.one(PEOPLE), org=org, roles=("prefecture_admin",))
        listed = events.BlacklistChange(
            **self._head(submitter=person, certificate_number=number),
            action=BlacklistAction.ADD,
            owner=owner,
            cause="LOST",
            effective_at=self._effective(),
        )
        self._soon(0.9, lambda: self._removal(listed))
        return self._removal(listed) if already and self.chance(0.8) else listed

    def _removal(self, listed: events.BlacklistChange) -> events.BlacklistChange:
        about = self._about(listed, "owner")
        asked = events.BlacklistChange(**about, action=BlacklistAction.REQUEST_REMOVE)
        self._soon(0.9, lambda: self._removed(asked))
        self._soon(0.5, lambda: self._removed(asked))
        return asked

    def _removed(self, asked: events.BlacklistChange) -> events.BlacklistChange:
        about = self._about(asked, "owner")
        return events.BlacklistChange(
            **about, action=BlacklistAction.APPROVE_REMOVE, request_id=asked.event_id
        )

    def _invalidation(self) -> events.Invalidation:
        issuer = self.one(OWNERS[:2])
        health = Principal(sub="health", org=issuer, roles=("health_authority",))
        voided = events.Invalidation(
            **self._head(submitter=health),
            action=InvalidationAction.VOID,
            issuer=issuer,
            cause="EXCHANGED",
            effective_at=self._effective(),
            replaced_by=self.one((*self.numbers, None)),
        )
        for _ in range(2):
            self._soon(0.8, lambda: self._reinstatement(voided))
        return voided

    def _reinstatement(self, voided: events.Invalidation) -> events.Invalidation:
        self._soon(0.2, lambda: self._reinstatement(voided))
        return events.Invalidation(**self._about(voided, "issuer"), action=InvalidationAction.REINSTATE)

    def _overdue(self) -> events.FilingOverdue:
        head = self._head(registration_id=self._registration())
        return events.FilingOverdue(**head, due_at=self.at, observed_at=self.at)


def history(seed: int, count: int) -> list[Sent]:
    """A history of `count` records, all in PARTITION."""
    return list(Author(seed).write(count))
