"""Clients of librdkafka with the settings that were measured, one factory per use.

Every producer partitions by murmur2, as Java does; librdkafka's own default (CRC32) would scatter a number over
two partitions. No consumer resets offsets by itself: a missing offset is an error, never a jump.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from natalog.cluster import Cluster
from natalog.kafka.consumer import SteadyConsumer

log = logging.getLogger("natalog.kafka")

INTAKE_RECORD_LIMIT = 262_144
"""Largest batch the intake topics take, bytes. A batch above it would be refused whole, so producers stay below."""
LEDGER_RECORD_LIMIT = 1_048_576
"""Largest batch the ledger takes, bytes."""
PARTITION_SHARE = INTAKE_RECORD_LIMIT
"""Most that intake brings of one partition at a time, bytes as compressed. A batch of records then spreads over several
partitions, so that the entries of each go off in one request: for what is left over, librdkafka's thread would spin
until the first one is answered (docs/benchmarks.md, The producer's thread span)."""
_NOTE_EVERY = 10.0  # seconds
NO_GROUP = "natalog-unused"
"""The group of consumers outside any: librdkafka wants a name and looks for its coordinator, which takes the right to
describe it. Nothing joins it or commits to it, so all services have the same one."""
_BATCH_BYTES = 240_000  # below INTAKE_RECORD_LIMIT with its headers, uncompressed


def _base(cluster: Cluster, name: str) -> dict[str, Any]:
    return {
        **cluster.security,
        "bootstrap.servers": cluster.bootstrap,
        "client.id": name,
        "error_cb": _note,
        "logger": log,
        "log_level": 2,  # what matters comes as an error event too, without one line per attempt and client
        "socket.nagle.disable": True,
        # A broker that restarts is back in seconds; the default backs off up to ten.
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
    }


_noted: dict[str, float] = {}


def _note(error: KafkaError) -> None:
    """Log an error event; the same kind again only after a while (a broker that is down makes hundreds a minute)."""
    now = time.monotonic()
    if now - _noted.get(error.name(), -_NOTE_EVERY) >= _NOTE_EVERY:
        _noted[error.name()] = now
        log.warning("kafka client error", extra={"code": error.name(), "detail": error.str()})


def refusal(cluster: Cluster) -> str:
    """Why librdkafka does not take the properties of `cluster`, a name or a value; empty when it does."""
    try:
        AdminClient(_base(cluster, "natalog-trial"))
    except KafkaException as error:
        return str(error.args[0].str())
    return ""


def denial(cluster: Cluster, *, within: float = 5.0) -> str:
    """Why brokers do not let us in: credentials, certificates; empty when they do or cannot be reached at all.

    Requests themselves fail as if no broker were there. `within` in seconds.
    """
    found: list[KafkaError] = []
    client = AdminClient({**_base(cluster, "natalog-trial"), "error_cb": found.append})
    with contextlib.suppress(KafkaException):
        client.list_topics(timeout=within)
    client.poll(0)
    told = (e.str() for e in found if e.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL))
    return next(told, "")


def ledger_producer(
    cluster: Cluster, transactional_id: str, *, transaction_timeout_ms: int = 10_000
) -> Producer:
    """The transactional producer of one registrar.

    Small retry back-offs: the first request of a transaction is refused while the broker still ends the one before
    (CONCURRENT_TRANSACTIONS), and the default of 100 ms would set the pace of every small batch.

    Records are gathered until `flush` sends them, at once and whatever `linger.ms`: with idempotence librdkafka makes
    no further request for a partition while five messages of it are under way, and as long as a batch is ready but may
    not go its thread spins. So whoever sends to a topic with a smaller limit than the ledger's flushes in between.
    """
    return Producer(
        {
            **_base(cluster, transactional_id),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": transaction_timeout_ms,
            "message.timeout.ms": transaction_timeout_ms,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.max.bytes": LEDGER_RECORD_LIMIT,
            "batch.size": LEDGER_RECORD_LIMIT - 50_000,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 100_000,
            "linger.ms": 20,
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 5,
        }
    )


def intake_producer(cluster: Cluster, name: str, **settings: str | int | bool | float) -> Producer:
    """An idempotent producer for intake topics. Call `warm_up` before the first send. `settings` override."""
    return Producer(
        {
            **_base(cluster, name),
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.max.bytes": INTAKE_RECORD_LIMIT,
            "batch.size": _BATCH_BYTES,
            "linger.ms": 1,
            "retry.backoff.ms": 10,
            "retry.backoff.max.ms": 200,
            **settings,
        }
    )


def warm_up(producer: Producer, topic: str, *, timeout: float = 10.0) -> None:
    """Connect and let the producer get its id, or the first send waits up to half a second for it.

    `timeout` in seconds. Raises KafkaException when the cluster does not answer within it.
    """
    producer.list_topics(topic, timeout)
    deadline = time.monotonic() + 0.6  # librdkafka asks for the id on a timer of 500 ms
    while (left := deadline - time.monotonic()) > 0:
        producer.poll(left)


def _consumer(cluster: Cluster, name: str, group: str, settings: dict[str, Any]) -> Consumer:
    return SteadyConsumer(
        {
            **_base(cluster, name),
            "group.id": group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 5,
            # The default of one second caps throughput whenever the local queue has been full once.
            "fetch.queue.backoff.ms": 10,
            **settings,
        }
    )


def group_consumer(
    cluster: Cluster, group: str, instance: str, *, session_timeout_ms: int = 10_000
) -> Consumer:
    """A static member of a group (KIP-345): restarted within the session time-out it keeps its partitions."""
    return _consumer(
        cluster,
        f"{instance}-live",
        group,
        {
            "group.instance.id": instance,
            "session.timeout.ms": session_timeout_ms,
            "heartbeat.interval.ms": min(3_000, session_timeout_ms // 3),
            "partition.assignment.strategy": "range",
            "queued.min.messages": 20_000,
            "max.partition.fetch.bytes": PARTITION_SHARE,
            "queued.max.messages.kbytes": 16_384,
        },
    )


def offsets_consumer(cluster: Cluster, group: str, name: str) -> Consumer:
    """For asking what a group has committed; joins nothing."""
    return _consumer(cluster, f"{name}-offsets", group, {})


def assigned_consumer(
    cluster: Cluster,
    name: str,
    *,
    ends: bool = False,
    queue_kbytes: int = 16_384,
    fetch_wait_ms: int = 100,
    partition_share: int = LEDGER_RECORD_LIMIT,
) -> Consumer:
    """A consumer outside any group whose partitions are assigned by hand.

    With `ends`, reaching the last stable offset is reported as an event (_PARTITION_EOF) carrying the position.
    `partition_share` is how many bytes of one partition are brought at a time, but at least a batch.
    `fetch_wait_ms` is how long the broker holds a fetch at the end of a log, and thereby how long a consumer that is
    given other partitions waits for its first record.
    """
    return _consumer(
        cluster,
        name,
        NO_GROUP,
        {
            "enable.partition.eof": ends,
            "fetch.wait.max.ms": fetch_wait_ms,
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": queue_kbytes,
            "max.partition.fetch.bytes": partition_share,
        },
    )


def admin_client(cluster: Cluster, name: str) -> AdminClient:
    """For metadata and offsets."""
    return AdminClient(_base(cluster, f"{name}-admin"))
