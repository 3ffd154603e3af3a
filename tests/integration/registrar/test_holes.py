"""Offsets of an intake log without a record: told of once, never waited for, and no reason to end.

Here they are what a stranger's aborted transaction leaves: its records and the marker.
"""

from __future__ import annotations

from natalog.cluster import Cluster
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.process import RegistrarProcess
from tests.integration.registrar.records import filing, number, overdue, void
from tests.integration.stranger import Stranger

LEAD = "birth.registrations"
MISSING = "natalog_intake_missing_records_total"
PLACE = 5
"""The partition with the hole."""


def abort_foreign_transaction(bench: Bench, records: int) -> None:
    """Leave `records` + 1 offsets without a record."""
    Stranger(Cluster(bench.bootstrap), (LEAD, PLACE), [b"?"] * records).abort()


def wait_until_told(registrar: RegistrarProcess, offsets: int, seconds: float = 30) -> None:
    registrar.wait_for(lambda: registrar.metric(MISSING) == offsets, seconds, "told of")
    assert registrar.metric(MISSING, topic=LEAD, partition=str(PLACE)) == offsets


def test_a_hole_in_an_intake_log_is_told_of(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    old = number(2)
    sent = bench.sender.send([filing(number(PLACE)), filing(old), void(old, replaced_by=number(PLACE))])
    bench.eventually(sent + 1)
    abort_foreign_transaction(bench, 5)
    sent += bench.sender.send([filing(number(PLACE)), void(number(PLACE))])
    bench.eventually(sent + 1)
    wait_until_told(registrar, 6)
    assert registrar.times_logged("hole in an intake log") == 1, "not of markers beside it"
    assert registrar.logged('"partition":5,"first_offset":1,"last_offset":6')
    assert registrar.metric("natalog_registrar_batches_thrown_away_total", cause="gap") == 1
    assert registrar.report()["halted"] == {}


def test_a_hole_at_the_end_of_an_intake_log_is_told_of_and_waited_for_no_more(bench: Bench) -> None:
    """It looks as if records waited that the client does not deliver, for which a registrar would end itself."""
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(PLACE))])
    bench.eventually(sent)
    abort_foreign_transaction(bench, 5)
    wait_until_told(registrar, 6, 60)
    sent += bench.sender.send([overdue(number(PLACE))])
    bench.eventually(sent)  # an alert waits for what came in before it, and that was no record
    abort_foreign_transaction(bench, 2)
    sent += bench.sender.send([filing(number(PLACE)) for _ in range(3)])
    checked = bench.eventually(sent)
    assert [e.offset for e in checked.entries[PLACE] if e.topic == LEAD] == [0, 10, 11, 12]
    wait_until_told(registrar, 9)
    assert registrar.times_logged("hole in an intake log") == 2, "what was told of is not told again"
    assert registrar.logged('"partition":5,"first_offset":7,"last_offset":9')
