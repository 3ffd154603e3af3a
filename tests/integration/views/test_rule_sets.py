"""Each entry's minutes are those of the set it was decided under, and a set that is not known halts its partition."""

from __future__ import annotations

import signal

import pytest

from natalog import events
from natalog.decision.rules import RuleSetError, RuleSets, from_json
from natalog.ledger.rules import remember
from natalog.views.batch import Batch, genesis
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.ledgers import DESK, MINUTE, UNIT, OnKafka
from tests.integration.views.process import Projector, until
from tests.integration.views.tables import batch_of, checksums, opened, rows, stretch
from tests.postgres_server import Server

TEXT = '{"version": 100, "sla_seconds": 600}'
TEN = from_json(TEXT)
"""Ten minutes."""


def ten_known() -> RuleSets:
    known = RuleSets()
    known.add(TEN)
    return known


def both(ledger: MemoryLedger, partition: int = 3) -> None:
    """A completion, and a filing first tried sixteen minutes after its registration and received after thirty-five."""
    head = {"certificate_number": ledger.number(partition), "unit_code": UNIT, "submitter": DESK}
    ledger.send(
        events.Completion(event_id=ledger.id(), **head, registration_id="C", registered_at=ledger.now)
    )
    registered = ledger.now
    ledger.now += 35 * MINUTE
    ledger.send(
        events.Filing(
            event_id=ledger.id(),
            **head,
            registration_id=f"F-{ledger.rules.version}",
            registered_at=registered,
            captured_at=registered + MINUTE,
            attempted_at=registered + 16 * MINUTE,
        )
    )


def test_a_set_of_ones_own_and_the_built_in_one_in_one_ledger(database):
    ledger = MemoryLedger(TEN)
    both(ledger)
    ledger.rules = RuleSets().get(1)
    both(ledger)
    ledger.rules = TEN
    both(ledger)
    log = ledger.ledger[3]
    writer = opened(database)
    writer.write(batch_of(writer, stretch(3, [(r.key, r.value or b"") for r in log]), known=ten_known()))
    writer.close()
    due = (
        "SELECT d.rules, o.due_at - o.due_from FROM obligations o JOIN decisions d ON d.seq = o.opened_seq "
        "ORDER BY o.opened_seq"
    )
    assert [(rules, span.seconds) for rules, span in rows(database, due)] == [
        (100, 600),
        (1, 1800),
        (100, 600),
    ]
    causes = rows(database, "SELECT rules, lateness_cause FROM filings ORDER BY seq")
    assert causes == [(100, "STATION"), (1, "MINISTRY"), (100, "STATION")]


@pytest.mark.parametrize("known", [True, False])
def test_an_entry_of_a_set_that_is_not_known_is_not_guessed_at(known):
    ledger = MemoryLedger()
    both(ledger)
    ledger.rules = TEN
    both(ledger)
    log = ledger.ledger[3]
    batch = Batch(ten_known() if known else RuleSets())
    batch.add(genesis(), 3, list(range(len(log))), [r.key for r in log], [r.value or b"" for r in log])
    assert len(log) == 4
    assert batch.folds[3].head.seq == (4 if known else 2)
    assert {p: type(fault) for p, fault in batch.faults.items()} == ({} if known else {3: RuleSetError})


@pytest.mark.timeout(400)
def test_the_process_decides_nothing_anew_and_halts_where_it_does_not_know_the_set(broker, tmp_path):
    server = Server.start(tmp_path)
    told, untold = (Projector(broker.bootstrap, server.url, tmp_path, rules) for rules in (TEXT, None))
    cause = 'natalog_filings_total{cause="%s",prefecture="330100",result="late"}'
    held = "SELECT sum(seq) FROM ledger_positions"
    ledger = MemoryLedger(TEN)
    kafka = OnKafka(broker.bootstrap)
    try:
        told.start()
        until(lambda: told.metric(cause % "STATION") == 0, what=told.logged)
        both(ledger)
        kafka.put(ledger, void=False)
        until(lambda: told.metric(cause % "STATION") == 1, what=told.logged)
        assert told.metric(cause % "TRANSPORT") == 0
        assert rows(server.url, "SELECT lateness_cause FROM filings") == [("STATION",)]
        assert told.end() == 0
        before = checksums(server.url)

        untold.start()
        both(ledger)
        ledger.rules = RuleSets().get(1)
        both(ledger, partition=4)
        kafka.put(ledger, void=False)
        halted = 'natalog_view_halted{partition="3",view="projection"}'
        until(lambda: untold.metric(halted) == 1, what=untold.logged)
        until(lambda: rows(server.url, held) == [(4,)], what=untold.logged)  # the other partition goes on
        assert "rule set 100 is not known here" in untold.logged()
        # A rebuild that does not know it leaves the tables that do.
        refused = untold.rebuild()
        assert (refused.returncode, "as far as the tables in use" in refused.stderr) == (11, True), (
            refused.stderr
        )
        assert untold.end() == 0
        assert rows(server.url, held) == [(4,)]

        # The operator's file names another set by now; the one that decided was kept.
        remember(TEN, tmp_path / "rules")
        untold.start()
        until(lambda: rows(server.url, held) == [(6,)], what=untold.logged)
        whole = checksums(server.url)
        assert whole["filings"][0] == before["filings"][0] + 2
        assert untold.rebuild().returncode == 0
        assert checksums(server.url) == whole
    finally:
        told.end(signal.SIGKILL)
        untold.end(signal.SIGKILL)
        server.kill()
