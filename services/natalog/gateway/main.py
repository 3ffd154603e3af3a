"""Builds the gateway from settings and runs it: the whole of `natalog run gateway`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import AsyncIterator, Callable

import uvicorn
from confluent_kafka import KafkaException
from starlette.applications import Starlette

from natalog import garbage, metrics
from natalog.exits import Exit
from natalog.gateway.app import build
from natalog.gateway.audit import AuditProducer
from natalog.gateway.auth import Keys, Verifier, is_trusted
from natalog.gateway.body import Bounds
from natalog.gateway.bulk import Bulk
from natalog.gateway.clock import Clock
from natalog.gateway.connection import Connection
from natalog.gateway.desk import Desk
from natalog.gateway.entry_reader import EntryReader
from natalog.gateway.freshness import Freshness
from natalog.gateway.inquiry import Inquiry
from natalog.gateway.intake_producer import IntakeProducer
from natalog.gateway.lane import Lane
from natalog.gateway.limits import Limits
from natalog.gateway.listings import Listings
from natalog.gateway.ranges import Ranges
from natalog.gateway.replica import LIVE_TOPICS, Replica
from natalog.gateway.replies import Replies
from natalog.gateway.reports import report
from natalog.gateway.sampler import Sampler
from natalog.gateway.visit import Parts
from natalog.ledger.follow import LEDGER
from natalog.ledger.rocks import StoreFailed, StoreInUse
from natalog.settings import Settings
from natalog.wire.topics import TOPICS

log = logging.getLogger(__name__)


class Service:
    """The parts of one gateway and their lives. Parts are made on the running event loop."""

    def __init__(self, settings: Settings, verifier: Verifier) -> None:
        self._settings = settings
        self._verifier = verifier
        self._parts: Parts | None = None
        self.failure: StoreInUse | StoreFailed | None = None
        """Why it did not start; uvicorn logs what `lifespan` raises and lets nobody see it."""

    def parts(self) -> Parts:
        """What the routes stand on."""
        assert self._parts is not None
        return self._parts

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Starts everything, and stops it in the reverse order."""
        settings, loop = self._settings, asyncio.get_running_loop()
        partitions = TOPICS[LEDGER].partitions
        freshness, clock = Freshness(partitions), Clock()
        replies = Replies(loop)
        name = settings.instance or f"{socket.gethostname()}-gateway"
        metrics.REPLICA_STALENESS.labels(name).set_function(freshness.staleness)
        metrics.GATEWAY_CLOCK_OFFSET.set_function(clock.offset)
        producer = IntakeProducer(settings.cluster, queue=settings.gateway_queue)
        # Its queue holds what the budget lets through. Patience makes large batches: librdkafka sends one partition a
        # request, and requests are what streams cost Kafka.
        bulk_producer = IntakeProducer(
            settings.cluster,
            "natalog-gateway-bulk",
            queue=settings.gateway_bulk_in_flight,
            queue_mib=64,
            linger_ms=40,
        )
        audit_producer = AuditProducer(settings.cluster, queue=settings.gateway_queue)
        bulk = Bulk(settings.gateway_bulk_in_flight)
        lane = Lane(loop, bulk_producer)
        metrics.GATEWAY_WAITING.set_function(lambda: len(replies) + len(lane.awaited))
        metrics.GATEWAY_BULK.set_function(lambda: bulk.used)
        try:
            replica = Replica(settings.cluster, settings.data / "replica", partitions, freshness, name)
        except (StoreInUse, StoreFailed) as failure:
            self.failure = failure
            raise
        listings = Listings(lambda: replica.shelves)
        reader = EntryReader(settings.cluster, LEDGER)
        sampler = Sampler(
            settings.cluster,
            freshness,
            clock,
            ledger=LEDGER,
            topics=LIVE_TOPICS,
            partitions=partitions,
            group=settings.registrar_group,
            every=settings.gateway_sample_seconds,
        )
        inquiry = Inquiry(
            replica, freshness, clock, audit_producer, stale_ms=int(settings.gateway_stale_seconds * 1000)
        )
        unconnected: list[IntakeProducer] = [producer, bulk_producer, audit_producer]

        async def connect(one: IntakeProducer) -> None:
            while one in unconnected:
                try:
                    await asyncio.to_thread(one.start, TOPICS["birth.registrations"].name)
                    unconnected.remove(one)
                except KafkaException as error:
                    log.warning("waiting for Kafka", extra={"error": error.args[0].name()})
                    await asyncio.sleep(1.0)

        def ready() -> str | None:
            if unconnected:
                return "Kafka has not answered yet."
            if not replica.ready:
                return "The ledger is still being read."
            return None

        self._parts = Parts(
            verifier=self._verifier,
            limits=Limits(
                rate=settings.gateway_rate,
                streams=settings.gateway_streams,
                held=settings.gateway_caller_mib << 20,
            ),
            bounds=Bounds(
                record=settings.gateway_body_bytes,
                stream=settings.gateway_stream_mib << 20,
                seconds=settings.gateway_body_seconds,
            ),
            desk=Desk(producer, replies, replica, reader, freshness, ready),
            lane=lane,
            bulk=bulk,
            ranges=Ranges(bulk_producer, bulk, listings),
            inquiry=inquiry,
            listings=listings,
            wait=settings.gateway_wait,
            spill=settings.data / "unfetched",
            spill_bytes=settings.gateway_spill_mib << 20,
            report=functools.partial(report, producer),
            ready=ready,
        )
        connecting = [asyncio.create_task(connect(one)) for one in unconnected]
        replica.start(replies, lane, lambda: _on(loop, inquiry.moved))
        reader.start()
        sampler.start()
        inquiry.start()
        try:
            yield
        finally:
            for task in connecting:
                task.cancel()
            inquiry.close()
            await asyncio.to_thread(producer.close, 5.0)
            await asyncio.to_thread(bulk_producer.close, 5.0)
            await asyncio.to_thread(audit_producer.close, 5.0)
            await asyncio.to_thread(sampler.close)
            await asyncio.to_thread(reader.close)
            await asyncio.to_thread(replica.close)


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code."""
    source = settings.jwks or settings.jwks_url
    if not source:
        log.error("set NATALOG_JWKS or NATALOG_JWKS_URL: without keys no token can be verified")
        return Exit.REFUSED_TO_START
    if isinstance(source, str) and not is_trusted(source):
        log.error(
            "NATALOG_JWKS_URL must begin with https://: by http anybody on the way could sign tokens "
            "(http serves for 127.0.0.1 and localhost alone)"
        )
        return Exit.REFUSED_TO_START
    verifier = Verifier(
        Keys(source, reload_unknown=settings.jwks_reload_seconds),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        leeway=settings.token_leeway,
    )
    service = Service(settings, verifier)
    app = build(service.parts, service.lifespan)
    config = uvicorn.Config(
        app,
        host=settings.gateway_host,
        port=settings.gateway_port,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Numbers and what was decided on them stay out of every cache, and an old status is a wrong one.
        headers=[("Cache-Control", "no-store")],
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server = uvicorn.Server(config)
    garbage.seldom()
    with contextlib.suppress(
        SystemExit
    ):  # uvicorn's, with a code of its own, for whatever keeps it from starting
        server.run()
    if isinstance(service.failure, StoreInUse):
        log.error("already running on this directory", extra={"detail": str(service.failure)})
        return Exit.ALREADY_RUNNING
    if service.failure is not None:
        log.error("the store failed", extra={"detail": str(service.failure), "code": int(Exit.STORE_FAILED)})
        return Exit.STORE_FAILED
    return Exit.DONE if server.started else Exit.DIFFERS


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
