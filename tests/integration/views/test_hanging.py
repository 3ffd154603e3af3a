"""A PostgreSQL that is stopped as a whole: its kernel acknowledges what is sent, and no error ever comes."""

from __future__ import annotations

import signal
import threading
import time
from random import Random

import psycopg
import pytest

from natalog import metrics
from natalog.views import projector as loop
from natalog.views.database import LIVE, Trouble
from natalog.views.migrate import migrate
from tests.integration.views.ledgers import OnKafka, made_up, registration
from tests.integration.views.process import Projector, until
from tests.integration.views.tables import checksums, opened, rows
from tests.integration.views.test_exchange import FromMemory, projector_on, run_to_the_end
from tests.postgres_server import Server

pytestmark = [pytest.mark.timeout(400)]

WAITING = "natalog_projection_waiting_seconds"


def test_a_database_that_hangs_is_told_of_and_caught_up_with(broker, tmp_path):
    server = Server.start(tmp_path)
    projector = Projector(broker.bootstrap, server.url, tmp_path)
    chance = Random(4)
    ledger = made_up(20)
    kafka = OnKafka(broker.bootstrap)

    def held() -> bool:
        """Whether the tables have every entry."""
        try:
            found = rows(server.url, "SELECT sum(seq) FROM ledger_positions")
        except psycopg.Error:
            return False
        return found == [(sum(map(len, ledger.ledger.values())),)]

    def waiting() -> float:
        return projector.metric(WAITING) or 0.0

    try:
        projector.start()
        kafka.put(ledger, void=False)
        until(held, what=projector.logged)
        until(lambda: waiting() == 0)
        server.signal_all(signal.SIGSTOP)
        for _ in range(20):
            registration(ledger, chance)
        kafka.put(ledger, void=False)
        until(lambda: waiting() > 5, what=projector.logged)
        for trouble in Trouble:
            assert projector.metric(f'natalog_projection_failing{{trouble="{trouble}"}}') == 0
        server.signal_all(signal.SIGCONT)
        until(held, what=projector.logged)
        until(lambda: waiting() == 0, what=projector.logged)
        assert projector.end() == 0
    finally:
        server.signal_all(signal.SIGCONT)
        projector.end(signal.SIGKILL)
        server.kill()


def test_a_start_that_waits_for_a_lock_is_told_of_and_can_be_stopped(broker, tmp_path):
    """Somebody left a transaction open, and a migration needs the table for itself: nothing fails, nothing goes on."""
    server = Server.start(tmp_path)
    projector = Projector(broker.bootstrap, server.url, tmp_path)
    try:
        migrate(server.url, LIVE)
        with psycopg.connect(server.url, autocommit=True) as people:
            people.execute("UPDATE natalog.schema_version SET version_num = '0005'")
            people.execute("DROP INDEX natalog.filings_backfilled")
            for told in (True, False):
                with people.transaction():
                    people.execute("LOCK TABLE natalog.filings IN ROW EXCLUSIVE MODE")
                    projector.start()
                    until(lambda: (projector.metric(WAITING) or 0) > 1, what=projector.logged)
                    if told:
                        projector.end(signal.SIGKILL)
                        continue
                    process = projector.process
                    assert process is not None
                    process.send_signal(signal.SIGTERM)
                    time.sleep(0.5)  # it comes while PostgreSQL is waited for
                assert process.wait(30) == 0
        assert '"logger":"alembic' not in projector.logged()
    finally:
        projector.end(signal.SIGKILL)
        server.kill()


@pytest.fixture
def given_up_soon(monkeypatch):
    monkeypatch.setattr(loop, "_LONGEST_WRITE", 1.0)
    monkeypatch.setattr(loop, "_LAST_WRITE", 1.0)


def hanging(server: Server) -> tuple[loop.Projector, FromMemory]:
    """A projector that has given a batch to a server that hangs."""
    opened(server.url).close()
    reader = FromMemory(made_up(50), 1)
    projector = projector_on(server.url, reader)
    projector.begin()
    server.signal_all(signal.SIGSTOP)
    assert projector.step(0)
    return projector, reader


def test_a_connection_that_hangs_is_given_up_and_the_batch_written_anew(own_postgres, given_up_soon):
    plain = own_postgres.database()
    writer = opened(plain)
    reader = FromMemory(made_up(50), 2)
    run_to_the_end(projector_on(plain, reader), reader)
    writer.close()
    projector, reader = hanging(own_postgres)
    told: list[bool] = []
    waker = threading.Thread(target=lambda: told.append(woken_when_away(own_postgres)))
    waker.start()
    projector.settle()
    waker.join()
    assert told == [True]
    run_to_the_end(projector, reader)
    assert checksums(own_postgres.url) == checksums(plain)


def woken_when_away(server: Server) -> bool:
    """Whether the alarm came; it is woken after half a minute in any case, or the test would never end."""
    deadline, away = time.monotonic() + 30, False
    while not away and time.monotonic() < deadline:
        away = metrics.PROJECTOR.get_sample_value("natalog_projection_failing", {"trouble": "away"}) == 1
        time.sleep(0.05)
    server.signal_all(signal.SIGCONT)
    return away


def test_it_can_be_stopped_meanwhile(own_postgres, given_up_soon, monkeypatch):
    monkeypatch.setattr(loop, "_LONGEST_WRITE", 60.0)
    projector, _ = hanging(own_postgres)
    began = time.monotonic()
    projector.stop()
    waker = threading.Timer(30, own_postgres.signal_all, (signal.SIGCONT,))
    waker.start()
    projector.close()
    waker.cancel()
    own_postgres.signal_all(signal.SIGCONT)
    assert time.monotonic() - began < 20
