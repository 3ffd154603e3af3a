"""A PostgreSQL that is stopped as a whole: its kernel acknowledges what is sent, and no error ever comes."""

from __future__ import annotations

import signal
from random import Random

import psycopg
import pytest

from natalog.views.database import Trouble
from tests.integration.views.ledgers import OnKafka, made_up, registration
from tests.integration.views.process import Projector, until
from tests.integration.views.tables import rows
from tests.postgres_server import Server

pytestmark = [pytest.mark.timeout(240)]


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
        return projector.metric("natalog_projection_waiting_seconds") or 0.0

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
