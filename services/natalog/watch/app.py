"""The Faust part: records in, alerts out, rebalances and a timer. Everything that decides is elsewhere.

Of Faust it uses no table, no changelog and no acknowledgement (ADR 19), and three things that are not public, each
behind one function below: the offset a partition was started from, commits by number, and the consumer thread's
health. faust-streaming is pinned to the version they were read in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import faust
from faust.types import TP
from faust.types.auth import CredentialsT

from natalog.watch.obligations import TOPIC
from natalog.wire.topics import TOPICS

ALERTS = "sla.alerts"


@dataclass(frozen=True, slots=True)
class Connection:
    """How the watch reaches Kafka. Times in seconds."""

    bootstrap: str
    credentials: CredentialsT | None
    group: str
    instance: str
    session: float
    directory: str


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the watch does when Faust calls. An exception in any of them must end the process: the caller sees to it."""

    record: Callable[[int, int, bytes, bytes | None, int], Awaitable[None]]
    """(partition, offset, key, value, the broker's time in ms)"""
    assigned: Callable[[], None]
    revoked: Callable[[], None]
    sweep: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sent:
    """An alert the broker has. `broker_time` in ms, None where the topic keeps the sender's."""

    broker_time: int | None


class Log:
    """birth.registrations and sla.alerts through a Faust app. Call `start` within a running loop."""

    def __init__(self, connection: Connection, handlers: Handlers, *, tick: float) -> None:
        app: Any = faust.App(
            connection.group,
            broker=[f"kafka://{host}" for host in connection.bootstrap.split(",")],
            broker_credentials=connection.credentials,
            datadir=connection.directory,
            store="memory://",
            web_enabled=False,
            autodiscover=False,
            # Commits are the watch's own: nothing is ever acknowledged, so Faust finds nothing to commit.
            processing_guarantee="at_least_once",
            stream_wait_empty=False,
            topic_partitions=TOPICS[TOPIC].partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=connection.instance,
            broker_client_id=connection.instance,
            # Faust's default of 60 s is what a worker waits out after a kill -9.
            broker_session_timeout=connection.session,
            broker_heartbeat_interval=connection.session / 3,
            # How long a rebalance waits for a member that was killed during it; Faust's default is 60 s.
            broker_rebalance_timeout=connection.session,
            broker_request_timeout=max(20.0, connection.session),
            stream_recovery_delay=0.0,
            producer_acks=-1,
            producer_linger=0.02,
            producer_compression_type="lz4",
            producer_request_timeout=60.0,
        )
        raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
        self._app = app
        self._alerts: Any = app.topic(ALERTS, **raw)
        source = app.topic(TOPIC, **raw)

        async def read(stream: Any) -> None:
            async for event in stream.noack().events():
                message = event.message
                stamp = round((message.timestamp or 0.0) * 1000)
                await handlers.record(
                    message.partition, message.offset, message.key or b"", message.value, stamp
                )

        async def revoked(_: Any, revoked: Any, **__: Any) -> None:
            handlers.revoked()

        async def assigned(_: Any, assigned: Any, **__: Any) -> None:
            handlers.assigned()

        async def sweep() -> None:
            await handlers.sweep()

        app.agent(source, name="watch", concurrency=1)(read)
        app.on_partitions_revoked.connect(revoked, weak=False)
        app.on_partitions_assigned.connect(assigned, weak=False)
        app.timer(tick)(sweep)

    async def start(self) -> None:
        """Join the group. Raises what the client raises when Kafka is away."""
        await self._app.start()

    @property
    def has_failed(self) -> str | None:
        """Why Faust or the client's thread gave up, None while they run. May be asked from any thread."""
        thread = getattr(self._app.consumer, "_thread", None)
        for service in (self._app, self._app.consumer, thread):
            if service is not None and service.crashed:
                return f"{type(service).__name__}: {service.crash_reason!r}"
        return None

    def assignment(self) -> set[int]:
        """Partitions of birth.registrations that the group has given us."""
        return {tp.partition for tp in self._app.consumer.assignment() if tp.topic == TOPIC}

    def started_from(self, partition: int) -> int | None:
        """The committed offset the partition was started from, None when there was none."""
        return cast("int | None", self._app.consumer._committed_offset.get(TP(TOPIC, partition)))

    async def starts(self, partitions: set[int]) -> dict[int, int]:
        """The first offset that the log still has."""
        return await self._bounds(self._app.consumer.earliest_offsets, partitions)

    async def ends(self, partitions: set[int]) -> dict[int, int]:
        """The next offset that the broker will give."""
        return await self._bounds(self._app.consumer.highwaters, partitions)

    async def _bounds(
        self, ask: Callable[..., Awaitable[Mapping[TP, int]]], which: set[int]
    ) -> dict[int, int]:
        if not which:
            return {}
        answer = await ask(*(TP(TOPIC, number) for number in sorted(which)))
        return {tp.partition: offset for tp, offset in answer.items()}

    async def send(self, partition: int, key: bytes, value: bytes) -> Awaitable[Sent]:
        """Hand an alert to the producer; await the result to know that the brokers have it."""
        sent = await self._alerts.send(key=key, value=value, partition=partition)

        async def settled() -> Sent:
            told = await sent
            return Sent(int(told.timestamp) if told.timestamp_type == 1 else None)

        return settled()

    async def commit(self, offsets: Mapping[int, int]) -> bool:
        """Commit; False when the group has moved on meanwhile (the client fences by its generation)."""
        places = {TP(TOPIC, number): offset for number, offset in offsets.items()}
        return bool(await self._app.consumer._commit(places))
