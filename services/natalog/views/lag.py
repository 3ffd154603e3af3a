"""How far the projection is behind the ledger, looked at every second whatever else goes on."""

from __future__ import annotations

import contextlib
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from natalog import metrics
from natalog.kafka.offsets import LogBounds
from natalog.ledger.follow import LEDGER
from natalog.views.following import Following

EVERY = 1.0  # seconds


class Lag:
    """Never waits: a question is asked in one look and its answer taken in a later one."""

    def __init__(self, admin: AdminClient, following: Following) -> None:
        self._admin = admin
        self._following = following
        self._asked: LogBounds | None = None
        self._next = 0.0

    def look(self) -> None:
        """Set the gauges if there is an answer, and ask again if it is time."""
        now = time.monotonic()
        if self._asked is not None and self._asked.ready():
            with contextlib.suppress(KafkaException):
                for (_, partition), end in self._asked.ends().items():
                    held = self._following.held(partition)
                    metrics.PROJECTION_LAG.labels(partition).set(max(0, end - held))
            self._asked, self._next = None, now + EVERY
        elif self._asked is None and now >= self._next:
            self._asked = LogBounds(self._admin, [], [(LEDGER, p) for p in self._following.tails])
