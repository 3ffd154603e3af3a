"""An October whose every figure is known by hand: three stations, what they did, and what became of it afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from natalog import events
from natalog.events import OverSix, Principal
from tests.golden import scenes
from tests.golden.memory_ledger import MemoryLedger
from tests.golden.scenes import person, withdrawal
from tests.integration.views.tables import batch_of, opened, stretch

HANGZHOU, NINGBO, SHANGHAI = "330106520000", "330203530000", "310104510000"
NANJING, SUZHOU = "320102540000", "320506550000"
MINUTE, HOUR = 60_000, 3_600_000
WATCH = Principal(sub="watch", org="", roles=("watch",))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


class October:
    """Plays it in two halves; `write` brings what was played into a projection."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self._written = dict.fromkeys(self.ledger.ledger, 0)

    def filing(self, unit: str, *, partition: int, **fields: object) -> events.Filing:
        """On time, three minutes after the registration, checked first."""
        number = self.ledger.number(partition)
        made = scenes.filing(self.ledger, number, unit)
        return replace(made, **fields)

    def send(self, record: events.Intake) -> events.Entry:
        return self.ledger.send(record)

    def first_half(self) -> None:
        self._first_night()
        self._hangzhou()
        self._ningbo()
        self._shanghai()

    def _first_night(self) -> None:
        """One registration belongs to September, one to October, though both are of 30 September UTC."""
        self.ledger.now = ms("2026-10-01T00:10:00")
        self.send(self.filing(SHANGHAI, partition=11, registered_at=ms("2026-09-30T23:59:59.999")))
        self.send(self.filing(SHANGHAI, partition=11, registered_at=ms("2026-10-01T00:00:00")))  # 10 minutes

    def _hangzhou(self) -> None:
        ledger = self.ledger
        ledger.now = ms("2026-10-12T10:00:00")
        now = ledger.now
        self.used = self.filing(HANGZHOU, partition=0)
        self.send(self.used)  # 3 minutes
        ledger.now = now + HOUR
        now = ledger.now
        self.send(
            self.filing(
                HANGZHOU,
                partition=1,
                registered_at=now - 50 * MINUTE,
                captured_at=now - 5 * MINUTE,
                attempted_at=now - 4 * MINUTE,
            )
        )  # STATION, 50 minutes
        early = {"captured_at": now - 38 * MINUTE, "attempted_at": now - 36 * MINUTE}
        # TRANSPORT, 40 minutes: partition 2 was never known to be silent.
        self.send(self.filing(HANGZHOU, partition=2, registered_at=now - 40 * MINUTE, **early))
        # MINISTRY, 40 minutes: partition 0 took nothing for the hour in which they ran out.
        self.send(self.filing(HANGZHOU, partition=0, registered_at=now - 40 * MINUTE, **early))
        self.owed = self.filing(HANGZHOU, partition=3, registered_at=now)
        self.send(self._completion(self.owed))
        ledger.now = now + 31 * MINUTE
        self.send(self._overdue(self.owed))

    def _completion(self, owed: events.Filing) -> events.Completion:
        return events.Completion(
            event_id=self.ledger.id(),
            certificate_number=owed.certificate_number,
            unit_code=owed.unit_code,
            submitter=owed.submitter,
            registration_id=owed.registration_id,
            registered_at=owed.registered_at or 0,
        )

    def _overdue(self, owed: events.Filing) -> events.FilingOverdue:
        return events.FilingOverdue(
            event_id=self.ledger.id(),
            certificate_number=owed.certificate_number,
            unit_code=owed.unit_code,
            submitter=WATCH,
            registration_id=owed.registration_id,
            due_at=(owed.registered_at or 0) + 30 * MINUTE,
            observed_at=self.ledger.now,
        )

    def _ningbo(self) -> None:
        self.slip = self.filing(NINGBO, partition=4, certificate_number="Y3301", gate=None)
        self.send(self.slip)
        self.send(self.filing(NINGBO, partition=4, certificate_number=None, exemption="BORN_ABROAD"))
        self.send(self.filing(NINGBO, partition=5, gate=None))
        self.send(
            self.filing(
                NINGBO, partition=6, parents_married=False, follows="FATHER", paternity_evidence="NONE"
            )
        )
        self.send(
            self.filing(NINGBO, partition=0, certificate_number=self.used.certificate_number)
        )  # contested

        self.forgotten = self.filing(NINGBO, partition=10)
        self.send(self._completion(self.forgotten))  # not due yet, and never filed

        for partition in (4, 5):  # two numbers claimed, one of them given back in the second half
            self.claimed = scenes.claim(self.ledger, self.ledger.number(partition), NINGBO)
            self.send(self.claimed)

    def _shanghai(self) -> None:
        ledger = self.ledger
        self.old_child = self.filing(SHANGHAI, partition=7, birth_date=scenes.BORN - 2_500)
        self.send(self.old_child)
        stolen = self.stolen = self.filing(SHANGHAI, partition=8)
        self.listed_at = ledger.now
        listing = scenes.listing(
            ledger, stolen.certificate_number or "", effective_at=ledger.now - 2 * HOUR, cause="STOLEN"
        )
        self.send(listing)
        self.send(stolen)
        adapter = Principal(sub="adapter", org=SHANGHAI, roles=("adapter",))
        self.send(
            self.filing(
                SHANGHAI,
                partition=9,
                submitter=adapter,
                origin=events.Origin.BACKFILL,
                registered_at=ms("2015-05-05T12:00:00"),
            )
        )

    def second_half(self) -> None:
        """What was owed comes, what was wrong is put right."""
        ledger = self.ledger
        ledger.now += 2 * HOUR
        late = replace(self.owed, captured_at=ledger.now - MINUTE, attempted_at=ledger.now - MINUTE)
        self.send(late)  # STATION, 151 minutes
        right = ledger.number(4)
        self.send(
            ledger.again(self.slip, certificate_number=right, corrects=self.slip.event_id, gate="check-2")
        )
        evidence = OverSix(visit=True, face=True, fingerprint=True, dna=True, approval_ref="1")
        self.send(ledger.again(self.old_child, over_six=evidence))  # AMENDMENT
        about = (ledger, self.used.certificate_number, self.used.registration_id)
        request = withdrawal(*about, person("admin-1"))
        self.send(request)
        self.send(withdrawal(*about, person("admin-2"), request.event_id))
        self.send(self._overdue(self.forgotten))
        claimed = self.claimed
        self.send(
            events.Release(
                event_id=ledger.id(),
                certificate_number=claimed.certificate_number,
                unit_code=claimed.unit_code,
                submitter=claimed.submitter,
            )
        )
        number = self.stolen.certificate_number or ""
        self.send(scenes.void(ledger, number, effective_at=self.listed_at - 3 * HOUR))
        self._nanjing()
        self._suzhou()

    def _nanjing(self) -> None:
        """A desk that gives a completion's event id to its filing too: refused as reused, and timed all the same."""
        now = self.ledger.now
        clocks = {"captured_at": now - 3 * MINUTE, "attempted_at": now - MINUTE}
        late = self.filing(NANJING, partition=1, registered_at=now - 150 * MINUTE, **clocks)  # STATION
        for first in (late, self.filing(NANJING, partition=2)):  # the other in time, and never sent again
            completed = self._completion(first)
            self.send(completed)
            self.send(replace(first, event_id=completed.event_id))
        self.send(late)

    def _suzhou(self) -> None:
        """Told of as overdue, then filed as if it corrected something; and nine digits for a child of this year."""
        ledger = self.ledger
        hidden = self.filing(SUZHOU, partition=1, registered_at=ledger.now - 150 * MINUTE)
        self.send(self._completion(hidden))
        self.send(self._overdue(hidden))
        self.send(replace(hidden, corrects=ledger.id()))
        short = ledger.number(partition=2, start="330")[1:]
        self.send(self.filing(SUZHOU, partition=2, certificate_number=short))

    def write(self, url: str) -> None:
        """Bring the tables up to what was played so far."""
        ends = {partition: len(log) for partition, log in self.ledger.ledger.items()}
        write(url, self.ledger, self._written, ends)
        self._written = ends


def write(url: str, ledger: MemoryLedger, starts: dict[int, int], ends: dict[int, int]) -> None:
    """Bring the entries from `starts` to `ends`, by partition, into the tables."""
    pieces = []
    for partition, log in ledger.ledger.items():
        entries = [(record.key, record.value) for record in log[starts[partition] : ends[partition]]]
        if entries:
            pieces.append(stretch(partition, entries, starts[partition]))
    writer = opened(url)
    try:
        writer.write(batch_of(writer, *pieces))
    finally:
        writer.close()
