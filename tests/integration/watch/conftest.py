"""One broker for all watch tests of a worker; each test gets empty topics and groups of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registrar.conftest import empty_topics
from tests.integration.watch.stage import Stage
from tests.kafka_broker import Broker


@pytest.fixture(scope="session")
def watch_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker.start(tmp_path_factory.mktemp(f"watch-kafka-{os.getpid()}"))
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def stage(watch_broker: Broker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """`@pytest.mark.parametrize("stage", [SECONDS], indirect=True)` sets the SLA; 4 s otherwise."""
    empty_topics(watch_broker)
    stage = Stage(watch_broker, tmp_path, sla=getattr(request, "param", 4))
    try:
        yield stage
    finally:
        stage.close()
