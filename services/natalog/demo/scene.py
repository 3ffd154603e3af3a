"""One made-up story on a number or a few: sends records in order and compares every answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from random import Random
from typing import Final

from natalog.decision.rules import NEWEST
from natalog.demo.expectation import CLEAN, Difference, Expect, differences
from natalog.demo.gateway import Answer, Asked, milliseconds
from natalog.demo.people import Person, admin, desk, issuer
from natalog.sample import Record
from natalog.watch.alert import event_id_of

BEIJING: Final = timezone(timedelta(hours=8))
STATUS_PATIENCE: Final = 60.0  # seconds until a replica must have seen what the ledger has
SETTLE: Final = 2.0  # seconds, many times what a Succession takes
PLACEMENT: Final = (
    "placement_basis",
    "basis_ref",
    "case_ref",
    "over_six",
    "paternity_evidence",
    "exemption",
    "gate",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was sent, what came back, and what a reader is told about it."""

    kind: str
    note: str
    person: Person
    number: str
    expect: Expect
    answer: Answer
    differences: tuple[Difference, ...]


@dataclass(slots=True)
class Scene:
    """What a case of `planted/` works with. `bases` are registrations of the made-up day that nobody else uses."""

    name: str
    gateway: Asked
    rng: Random
    bases: list[Record]
    units: list[str]
    steps: list[Step] = field(default_factory=list)

    # What there is to register

    def child(self, *, days: int = 14, unit: str | None = None, **changes: object) -> Record:
        """An ordinary newborn's registration, without a time and a gate yet; None in `changes` takes a field out."""
        record = {**self.bases.pop(), "category": "ORDINARY", "household_kind": "FAMILY", "follows": "BOTH"}
        record |= {"relation_to_head": "20", "parents_married": True}
        for name in PLACEMENT:
            record.pop(name, None)
        record["birth_date"] = (today() - timedelta(days=days)).isoformat()
        if unit is not None:
            record["unit_code"] = unit
            record["division"] = unit[:6]
        return _changed(record, changes)

    def number(self, *, letter: str | None = None, province: str | None = None) -> str:
        """A fresh number, of another print year or province if wanted: its serial is unique in all of them."""
        own = str(self.bases.pop()["certificate_number"])
        return f"{letter or own[0]}{province or own[1:3]}{own[3:]}"

    def unit_elsewhere(self, unit: str) -> str:
        """A station of another prefecture of the province."""
        others = [u for u in self.units if u[:4] != unit[:4]]
        return others[int(self.rng.random() * len(others))]

    def unit_nearby(self, unit: str) -> str:
        """Another station of the same prefecture."""
        others = [u for u in self.units if u[:4] == unit[:4] and u != unit]
        return others[int(self.rng.random() * len(others))]

    def uuid(self) -> str:
        """A fresh event id."""
        digits = f"{self.rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    # What people do

    async def claim(
        self,
        child: Record,
        expect: Expect = CLEAN,
        *,
        unit: str | None = None,
        note: str = "claims the number",
    ) -> Answer:
        """The desk claims the child's number."""
        unit = unit or str(child["unit_code"])
        record = self._record(child, unit_code=unit)
        return await self.send("claim", record, desk(unit), expect, note)

    async def release(self, child: Record, expect: Expect = CLEAN, *, unit: str | None = None) -> Answer:
        """The desk gives the number back."""
        unit = unit or str(child["unit_code"])
        return await self.send(
            "release", self._record(child, unit_code=unit), desk(unit), expect, "gives the number back"
        )

    async def complete(self, child: Record, *, ago: float = 60) -> Answer:
        """The registration is completed locally; its filing follows."""
        unit = str(child["unit_code"])
        child["registered_at"] = stamp(ago)
        record = self._record(
            child,
            unit_code=unit,
            registration_id=child["registration_id"],
            registered_at=child["registered_at"],
        )
        return await self.send("completion", record, desk(unit), CLEAN, "completes the registration")

    async def overdue(self, child: Record, expect: Expect) -> Answer:
        """What the watch sends when nobody files a registration that was completed, as the desk looks it up."""
        unit, number = str(child["unit_code"]), child.get("certificate_number")
        due_at = milliseconds(str(child["registered_at"])) + int(NEWEST.sla_ms)
        event_id = event_id_of(
            None if number is None else str(number), str(child["registration_id"]), unit, due_at
        )
        person = desk(unit)
        answer = await self.gateway.submission(str(event_id), person)
        self._compare("alert", "is told that the filing is overdue", person, child, expect, answer)
        return answer

    async def file(
        self,
        child: Record,
        expect: Expect = CLEAN,
        *,
        ago: float | None = None,
        person: Person | None = None,
        note: str = "files the registration",
        **changes: object,
    ) -> Answer:
        """The registration is filed. `ago` is seconds since it; default: whatever the record says, else a minute."""
        record = _changed(child, changes)
        if "registered_on" in record:
            record.pop("registered_at", None)
        elif ago is not None or "registered_at" not in changes:
            record["registered_at"] = stamp(60 if ago is None else ago)
        record |= {"occurred_at": stamp(0), "captured_at": stamp(0), "attempted_at": stamp(0)}
        # Kept, so that the same record can be sent again.
        child.clear()
        child.update(record)
        return await self.send("filing", record, person or desk(str(record["unit_code"])), expect, note)

    async def registered(self, child: Record, *, note: str = "registers a child and files it") -> Answer:
        """The whole ordinary way: asked, registered, filed, clean."""
        gate = await self.checked(child)
        return await self.file(child, gate=gate, note=note)

    async def checked(
        self, child: Record, status: str = "UNUSED", *, usable: bool | None = None, unit: str | None = None
    ) -> str:
        """The desk asks for the number's status, which must be as said. Returns the `check_id`."""
        person = desk(unit or str(child["unit_code"]))
        body = await self.status(str(child["certificate_number"]), person, status, usable=usable)
        return str(body.get("check_id") or self.uuid())

    async def blacklist(
        self,
        number: object,
        owner: str,
        expect: Expect = CLEAN,
        *,
        person: Person | None = None,
        action: str = "ADD",
        note: str = "puts the number on its blacklist",
        **more: object,
    ) -> Answer:
        """An administrator changes a prefecture's blacklist."""
        person = person or admin(owner)
        record: Record = {
            "certificate_number": number,
            "unit_code": person.org,
            "action": action,
            "owner": owner,
        }
        if action == "ADD":
            record |= {"cause": "LOST", "effective_at": stamp(0), "evidence_ref": "HMD-2026-018"}
        record |= {"event_id": self.uuid(), "occurred_at": stamp(0)}
        return await self.send("blacklist-change", _changed(record, more), person, expect, note)

    async def void(
        self,
        number: object,
        by: str,
        expect: Expect = CLEAN,
        *,
        action: str = "VOID",
        cause: str = "ERROR",
        note: str = "voids the certificate",
        **more: object,
    ) -> Answer:
        """A health authority voids or reinstates a certificate."""
        record: Record = {"certificate_number": number, "unit_code": by, "action": action, "issuer": by}
        if action == "VOID":
            record |= {"cause": cause, "effective_at": stamp(0)}
        record |= {"event_id": self.uuid(), "occurred_at": stamp(0)}
        return await self.send("invalidation", _changed(record, more), issuer(by), expect, note)

    async def withdraw(
        self,
        child: Record,
        person: Person,
        expect: Expect = CLEAN,
        *,
        request: Answer | str | None = None,
        note: str = "",
        **more: object,
    ) -> Answer:
        """A withdrawal is requested, or with `request` approved."""
        record: Record = {
            "certificate_number": child["certificate_number"],
            "unit_code": person.org,
            "registration_id": child["registration_id"],
            "action": "REQUEST" if request is None else "APPROVE",
            "event_id": self.uuid(),
            "occurred_at": stamp(0),
        }
        if request is None:
            record["cause"] = "WRONG_NUMBER"
        else:
            record["request_id"] = request if isinstance(request, str) else request.event_id
        default = "asks to withdraw the registration" if request is None else "approves the withdrawal"
        return await self.send("withdrawal", _changed(record, more), person, expect, note or default)

    # What goes out and comes back

    async def send(self, kind: str, record: Record, person: Person, expect: Expect, note: str) -> Answer:
        """Send one record and compare its answer; differences are kept, the scene goes on."""
        answer = await self.gateway.submit(kind, record, person)
        self._compare(kind, note, person, record, expect, answer)
        return answer

    async def status(
        self, number: str, person: Person, status: str, *, usable: bool | None = None, **more: object
    ) -> Record:
        """Ask until the replica has seen what the ledger says, and compare. Returns the status object."""
        wanted: Record = {
            "status": status,
            "usable": usable if usable is not None else status == "UNUSED",
            **more,
        }
        deadline = time.monotonic() + STATUS_PATIENCE
        while True:
            answer = await self.gateway.status(number, person)
            found = {name: answer.body.get(name) for name in wanted}
            if found == wanted or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        different = [(name, wanted[name], found[name]) for name in wanted if wanted[name] != found[name]]
        record: Record = {"certificate_number": number}
        note = f"asks for the status: {answer.body.get('status')}"
        self._keep("status", note, person, record, CLEAN, answer, different)
        return answer.body

    async def warned(self, number: str, person: Person, warning: str) -> None:
        """Wait until the status of a number warns of something the registrar itself recorded."""
        deadline = time.monotonic() + STATUS_PATIENCE
        while True:
            answer = await self.gateway.status(number, person)
            found = str(answer.body.get("warnings"))
            if warning in found or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        different: list[tuple[str, object, object]] = (
            [] if warning in found else [("warnings", warning, found)]
        )
        note = "the registrar told the new number of it: its status warns"
        self._keep("status", note, person, {"certificate_number": number}, CLEAN, answer, different)

    async def settled(self, number: str, person: Person) -> None:
        """Give a Succession the time to be decided where no status need tell of it; compares nothing."""
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            answer = await self.gateway.status(number, person)
            if answer.body.get("usable") is False:
                return
            await asyncio.sleep(0.2)

    def _compare(
        self, kind: str, note: str, person: Person, record: Record, expect: Expect, answer: Answer
    ) -> None:
        self._keep(
            kind, note, person, record, expect, answer, list(differences(expect, answer, kind, record))
        )

    def _keep(
        self,
        kind: str,
        note: str,
        person: Person,
        record: Record,
        expect: Expect,
        answer: Answer,
        different: list[tuple[str, object, object]],
    ) -> None:
        found = tuple(
            Difference(self.name, f"step {len(self.steps) + 1} ({kind})", answer.place, f, str(e), str(g))
            for f, e, g in different
        )
        number = str(record.get("certificate_number") or "—")
        self.steps.append(Step(kind, note, person, number, expect, answer, found))

    def _record(self, child: Record, **fields: object) -> Record:
        record: Record = {"event_id": self.uuid(), "occurred_at": stamp(0), **fields}
        for name in ("certificate_number", "exemption"):
            if name in child and (name != "exemption" or "registration_id" in fields):
                record[name] = child[name]
        return record


def today() -> date:
    """The date in Beijing."""
    return datetime.now(BEIJING).date()


def stamp(ago: float) -> str:
    """RFC 3339 with milliseconds, `ago` seconds before now, in Beijing time."""
    return (datetime.now(BEIJING) - timedelta(seconds=ago)).isoformat(timespec="milliseconds")


def _changed(record: Record, changes: dict[str, object]) -> Record:
    merged = {**record, **changes}
    return {name: value for name, value in merged.items() if value is not None}
