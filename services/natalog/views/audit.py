"""The thread that follows queries.audit. On any trouble it begins again from where the database stands."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping

import psycopg
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from natalog import metrics
from natalog.cluster import Cluster
from natalog.kafka.offsets import LogBounds
from natalog.ledger.follow import LedgerReader
from natalog.views.checks import Checks, Open, held_of, positions
from natalog.views.database import reason_of, trouble_of
from natalog.views.positions import Moved
from natalog.wire.topics import TOPICS

log = logging.getLogger(__name__)

TOPIC = "queries.audit"
_BATCH = 5_000
_PAUSE = 1.0  # seconds


class Audit:
    """`fault` is what ended it, None while it runs."""

    def __init__(self, cluster: Cluster, admin: AdminClient, connect: Open) -> None:
        self._cluster = cluster
        self._admin = admin
        self._connect = connect
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self.fault: Exception | None = None
        self._followed_at = time.monotonic()
        # Asked by whoever scrapes: a database that hangs raises nothing.
        metrics.AUDIT_STALENESS.set_function(lambda: time.monotonic() - self._followed_at)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Finish what is being written."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _run(self) -> None:
        reader = LedgerReader(self._cluster, "natalog-projector", TOPIC)
        noted = ""
        try:
            while not self._stop.is_set():
                try:
                    with contextlib.closing(self._connect()) as connection:
                        held = held_of(connection)  # first: a copy restored in between is then found out
                        reader.start(positions(connection, bounds_of(self._admin)))
                        noted = ""
                        while not self._stop.is_set():
                            follow(reader, connection, 0.5, held)
                            self._followed_at = time.monotonic()
                except (KafkaException, psycopg.Error, Moved) as error:
                    if (met := _met(error)) != noted:
                        noted = met
                        log.warning("queries are not being recorded in PostgreSQL now", extra={"cause": met})
                    with contextlib.suppress(KafkaException):
                        self._admin.list_topics(timeout=2.0)
                    self._stop.wait(_PAUSE)
        except Exception as fault:
            log.critical("the thread that follows queries.audit ended", exc_info=True)
            self.fault = fault
        finally:
            reader.close()


def _met(error: KafkaException | psycopg.Error | Moved) -> str:
    if isinstance(error, KafkaException):
        return str(error.args[0].name())
    return f"{trouble_of(error)}: {reason_of(error)}" if isinstance(error, psycopg.Error) else str(error)


def bounds_of(admin: AdminClient) -> dict[int, tuple[int, int]]:
    """First and next offset of queries.audit by partition. Raises KafkaException."""
    places = [(TOPIC, p) for p in range(TOPICS[TOPIC].partitions)]
    bounds = LogBounds(admin, places, places)
    starts, ends = bounds.starts(), bounds.ends()
    return {p: (starts[TOPIC, p], ends[TOPIC, p]) for _, p in places}


def follow(
    reader: LedgerReader, connection: psycopg.Connection, timeout: float, held: dict[int, int] | None = None
) -> int:
    """Read once and write what has come. Rows written. Raises KafkaException, psycopg.Error, Moved.

    `held` is what `Checks.write` says, and is kept up to date.
    """
    checks = Checks()
    for stretch in reader.read(_BATCH, timeout):
        if stretch.outside:
            reader.stop([stretch.partition])
            raise KafkaException(KafkaError(KafkaError._AUTO_OFFSET_RESET))
        checks.add(stretch)
    if checks.positions:
        checks.write(connection, held)
        if held is not None:
            held.update(checks.positions)
    return checks.rows


def catch_up(
    reader: LedgerReader, connection: psycopg.Connection, ends: Mapping[int, int], patience: float
) -> None:
    """Read until everything before these offsets is written. Raises KafkaException when that takes too long."""
    deadline = time.monotonic() + patience
    while any(reader.position(p) < end for p, end in ends.items()):
        if follow(reader, connection, 0.2):
            deadline = time.monotonic() + patience
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
