"""Somebody who writes to a topic in a transaction, as nobody but registrars may."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from confluent_kafka import Producer

from natalog.cluster import Cluster
from natalog.kafka.clients import admin_client
from natalog.kafka.offsets import LogBounds, Place
from tests.waiting import until


class Stranger:
    """A transaction that is open from the start: its records are in the log, and nobody may read them yet."""

    def __init__(self, cluster: Cluster, place: Place, values: Sequence[bytes], key: bytes = b"?") -> None:
        self._admin = admin_client(cluster, "stranger")
        self._place = place
        self._end = self._log_end() + len(values) + 1
        self._producer = Producer(
            {
                **cluster.security,
                "bootstrap.servers": cluster.bootstrap,
                "transactional.id": f"stranger-{uuid.uuid4()}",
                "log_level": 0,
            }
        )
        self._producer.init_transactions(30)
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(place[0], value, key, place[1])
        assert self._producer.flush(30) == 0

    def commit(self) -> None:
        """End it; its records count now."""
        self._producer.commit_transaction(30)
        self._wait_for_marker()

    def abort(self) -> None:
        """End it; one offset more than it has records holds none for ever."""
        self._producer.abort_transaction(30)
        self._wait_for_marker()

    def _wait_for_marker(self) -> None:
        """It comes a little after the answer. For places that nobody else writes to meanwhile."""
        until(lambda: self._log_end() >= self._end)
        del self._producer  # or it would go on looking for a broker that the test has stopped

    def _log_end(self) -> int:
        return LogBounds(self._admin, (), [self._place]).ends()[self._place]
