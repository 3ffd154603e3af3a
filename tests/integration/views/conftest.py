"""A broker with topics, for the tests of one file; each file that uses it has a ledger of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka_broker import Broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    it = Broker.start(tmp_path_factory.mktemp("views-kafka"))
    try:
        it.apply_topics()
        yield it
    finally:
        it.stop()
