"""Whatever the ledger may hold, PostgreSQL takes: no record stops the projection."""

from __future__ import annotations

from natalog import events
from natalog.events import Origin, OverSix, Principal
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.tables import batch_of, opened, rows, stretch

UNIT = "330106520000"
DESK = Principal(sub="desk\0", org=UNIT, roles=("station",))
FAR = (1 << 63) - 1
LONG = "龘" * 20_000


def filing(ledger: MemoryLedger, **more) -> events.Filing:
    fields = {
        "event_id": ledger.id(),
        "certificate_number": ledger.number(),
        "unit_code": UNIT,
        "submitter": DESK,
        "registration_id": f"H-{ledger._serial}",
        "registered_at": ledger.now,
    }
    return events.Filing(**{**fields, **more})


def hostile(ledger: MemoryLedger) -> None:
    for at in (FAR, -FAR - 1, 0, -1, 1 << 50):
        ledger.send(
            filing(ledger, registered_at=at, captured_at=-max(at, -FAR), attempted_at=at, occurred_at=at)
        )
    for day in ((1 << 31) - 1, -(1 << 31), 0):
        ledger.send(filing(ledger, registered_at=None, registered_on=day, birth_date=day, over_six=OverSix()))
    for text in ("", "\0", "a\0b", LONG, "x" * 257, "\U0010ffff", "'; DROP TABLE filings; --", "\\N", "\t\n"):
        ledger.send(
            filing(
                ledger,
                certificate_number=text,
                unit_code=text,
                division=text,
                category=text,
                follows=text,
                basis_ref=text,
                case_ref=text,
                gate=text,
                exemption=text,
                child_token=text,
                key_id=text,
                over_six=OverSix(approval_ref=text),
            )
        )
        ledger.send(filing(ledger, registration_id=text))  # MISROUTED
        ledger.send(filing(ledger, certificate_number=None, exemption=text, origin=Origin.BACKFILL))
        head = {"certificate_number": text, "unit_code": text, "submitter": DESK}
        ledger.send(events.Claim(event_id=ledger.id(), **head))
        ledger.send(
            events.Completion(
                event_id=ledger.id(), **head, registration_id="H", registered_at=FAR, exemption=text
            )
        )
        ledger.send(
            events.BlacklistChange(
                event_id=ledger.id(),
                **head,
                action=events.BlacklistAction.ADD,
                owner=text,
                cause=text,
                evidence_ref=text,
                effective_at=-FAR,
            )
        )
    ledger.send(filing(ledger, sealed=bytes(range(256)) * 800))
    for value in (None, b"", b"\xc3\x01", b"no record", bytes(1_000)):
        ledger.put("birth.registrations", b"\xff\xfe\0", value)
    ledger.send(filing(ledger), key=b"\xff\0wrong")
    for at in (0, 1, 1 << 49):  # a broker's clock gone wrong
        ledger.now = at
        ledger.send(filing(ledger))


def test_every_entry_becomes_a_row(database):
    ledger = MemoryLedger()
    hostile(ledger)
    total = sum(map(len, ledger.ledger.values()))
    writer = opened(database)
    for partition, log in ledger.ledger.items():
        for at, record in enumerate(log):
            writer.write(batch_of(writer, stretch(partition, [(record.key, record.value or b"")], at)))
    writer.close()
    ((counted,),) = rows(database, "SELECT (SELECT count(*) FROM filings) + (SELECT count(*) FROM decisions)")
    assert counted == total
    ((longest,),) = rows(database, "SELECT max(octet_length(registration_id)) FROM filings")
    assert longest <= 256
    # Two long texts that begin alike stay two.
    assert rows(database, "SELECT count(*) FROM filings WHERE number LIKE '龘%…%'") == [(1,)]
    assert rows(database, "SELECT count(*) FROM filings WHERE category LIKE 'a_b'") == [(1,)]
    assert rows(database, "SELECT octet_length(sealed) FROM registrations WHERE sealed IS NOT NULL") == [
        (204_800,)
    ]
    assert rows(database, "SELECT count(*) FROM filings_other") == [(3,)]
    assert rows(database, "SELECT DISTINCT verdict FROM decisions WHERE kind = 'Unreadable'") == [
        ("UNREADABLE",)
    ]


def test_units_of_no_known_province_are_kept_and_counted(database):
    ledger = MemoryLedger()
    ledger.send(filing(ledger, unit_code="990106520000"))
    ledger.send(filing(ledger, unit_code="nonsense"))
    ledger.send(filing(ledger))
    writer = opened(database)
    unplaced = 0
    for partition, log in ledger.ledger.items():
        if log:
            batch = batch_of(writer, stretch(partition, [(r.key, r.value or b"") for r in log]))
            unplaced += batch.unplaced
            writer.write(batch)
    writer.close()
    assert unplaced == 2
    found = rows(database, "SELECT province, prefecture FROM filings ORDER BY 1")
    assert found == [("330000", "330100"), (None, None), (None, None)]
