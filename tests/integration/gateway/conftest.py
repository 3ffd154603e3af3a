"""One broker and one stack for each file of gateway tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.gateway.stack import Stack, running
from tests.kafka_broker import Broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker.start(tmp_path_factory.mktemp("gateway-kafka"))
    try:
        broker.apply_topics()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def stack(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(broker, tmp_path_factory.mktemp("gateway-stack"), gateway_stale_seconds=3.0) as stack:
        yield stack
