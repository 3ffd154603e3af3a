"""One broker for the replay tests of a worker; each test gets empty topics."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

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
def written(replay_broker: Broker, tmp_path: Path) -> Iterator[Written]:
    """An empty ledger and its only writer."""
    replay_broker.apply_topics()
    try:
        yield Written(replay_broker.bootstrap, tmp_path)
    finally:
        admin = AdminClient({"bootstrap.servers": replay_broker.bootstrap})
        names = [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]
        for future in admin.delete_topics(names, operation_timeout=30).values():
            future.result()
