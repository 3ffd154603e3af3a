"""The projector on real Kafka and PostgreSQL: kills, redelivery, rebuild. The tables are the same after all of it."""

from __future__ import annotations

import signal
import threading
import time
from random import Random

import psycopg
import pytest

from natalog.views.database import connect
from tests.integration.views.ledgers import OnKafka, made_up, registration
from tests.integration.views.process import Projector, until
from tests.integration.views.tables import checksums, rows
from tests.postgres_server import Server

pytestmark = [pytest.mark.timeout(400)]


def reached(url, ledger) -> bool:
    """Whether every entry is in the tables."""
    try:
        found = dict(rows(url, "SELECT partition, seq FROM ledger_positions"))
    except psycopg.Error:
        return False
    return found == {partition: len(log) for partition, log in ledger.ledger.items()}


def test_kills_and_a_rebuild_leave_the_same_tables(broker, tmp_path):
    server = Server.start(tmp_path)
    projector = Projector(broker.bootstrap, server.url, tmp_path)
    try:
        chance = Random(7)
        ledger = made_up(2_500)
        kafka = OnKafka(broker.bootstrap)
        kafka.ask(40)
        feeding = threading.Thread(target=lambda: kafka.put(ledger, pause=0.2))
        feeding.start()
        for turn in range(5):
            projector.start()
            time.sleep(0.9 + chance.random())
            if turn == 2:
                server.kill()
                time.sleep(0.5)
                server.launch()
            projector.end(signal.SIGKILL)
        feeding.join()
        projector.start()
        until(lambda: reached(server.url, ledger), what=projector.logged)
        until(lambda: rows(server.url, "SELECT count(*) FROM checks") == [(120,)], what=projector.logged)
        until(lambda: projector.metric('natalog_projection_lag_entries{partition="5"}') == 0)
        assert "Traceback" not in projector.logged()
        before = checksums(server.url)
        assert before["filings"][0] > 2_000
        assert before["obligations"][0] > 500
        void = rows(server.url, "SELECT sum(void_entries) FROM ledger_positions")
        assert void[0][0] > 0

        # Rebuilt beside a projector that runs and a reader that reads.
        seen: list[int] = []
        done = threading.Event()

        def read() -> None:
            with connect(server.url, "public") as connection:
                while not done.is_set():
                    seen.extend(row[0] for row in connection.execute("SELECT count(*) FROM natalog.filings"))
                    connection.rollback()

        reading = threading.Thread(target=read)
        reading.start()
        result = projector.rebuild()
        done.set()
        reading.join()
        assert result.returncode == 0, result.stderr
        assert checksums(server.url) == before
        assert len(seen) > 3
        assert set(seen) == {before["filings"][0]}
        assert rows(server.url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'natalog%'") == [(1,)]

        # The projector that ran meanwhile goes on with the new tables, and one that is killed again changes nothing.
        for _ in range(50):
            registration(ledger, chance)
        kafka.put(ledger)
        until(lambda: reached(server.url, ledger), what=projector.logged)
        assert projector.end() == 0
        after = checksums(server.url)
        assert after["filings"][0] > before["filings"][0]
        assert projector.rebuild().returncode == 0
        assert checksums(server.url) == after
    finally:
        projector.end(signal.SIGKILL)
        server.kill()
