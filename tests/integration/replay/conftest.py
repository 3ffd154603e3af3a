"""One broker for the replay tests of a worker; each test gets empty topics."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registrar.conftest import empty_topics
from tests.integration.replay.writing import Written
from tests.kafka_broker import Broker


@pytest.fixture(scope="session")
def replay_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker.start(tmp_path_factory.mktemp(f"replay-kafka-{os.getpid()}"))
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def written(replay_broker: Broker, tmp_path: Path) -> Written:
    """An empty ledger and its only writer."""
    empty_topics(replay_broker)
    return Written(replay_broker.bootstrap, tmp_path)
