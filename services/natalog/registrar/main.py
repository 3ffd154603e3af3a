"""Builds a registrar from its settings and runs it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from natalog import garbage, metrics
from natalog.decision.rules import RuleSetError
from natalog.exits import Exit
from natalog.health import serve
from natalog.kafka.acls import transactional_id
from natalog.kafka.clients import (
    PARTITION_SHARE,
    admin_client,
    assigned_consumer,
    group_consumer,
    ledger_producer,
    offsets_consumer,
)
from natalog.kafka.identity import wait_for_topics
from natalog.kafka.offsets import LogBounds
from natalog.ledger.follow import LEDGER, LedgerReader
from natalog.ledger.probe import Probe
from natalog.ledger.rocks import StoreFailed, StoreInUse
from natalog.ledger.rules import KEPT, remember, rules_in_force
from natalog.ledger.seal import SealKeyError, seal_with
from natalog.ledger.store import Store, bytes_in
from natalog.registrar.backlog import Backlog
from natalog.registrar.desk import Desk
from natalog.registrar.faults import Ending
from natalog.registrar.intake import LEAD, Intake
from natalog.registrar.loop import Registrar
from natalog.registrar.markers import Markers
from natalog.registrar.stalls import Stalls
from natalog.registrar.work import Decider
from natalog.registrar.writer import LedgerWriter
from natalog.settings import Settings
from natalog.wire.topics import INTAKE_TOPICS, MARKED_TOPIC, TOPICS

log = logging.getLogger(__name__)


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code (natalog.exits)."""
    try:
        registrar = build(settings)
    except (RuleSetError, SealKeyError) as error:
        log.error("refused to start", extra={"detail": str(error)})
        return Exit.REFUSED_TO_START
    except StoreInUse as error:
        log.error("already running on this directory", extra={"detail": str(error)})
        return Exit.ALREADY_RUNNING
    except StoreFailed as failure:
        return _store_failed(failure)
    except Ending as ending:
        log.error("ending", extra={"cause": type(ending).__name__, "detail": str(ending)})
        return ending.code
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: registrar.stop())
    garbage.seldom()
    threading.Thread(target=_watch, args=(registrar,), name="watchdog", daemon=True).start()
    try:
        registrar.run()
    except Ending as ending:
        log.error(
            "ending", extra={"cause": type(ending).__name__, "detail": str(ending), "code": int(ending.code)}
        )
        return ending.code
    except StoreFailed as failure:
        return _store_failed(failure)
    log.info("stopped")
    return Exit.DONE


def _store_failed(failure: StoreFailed) -> Exit:
    log.error("the store failed", extra={"detail": str(failure), "code": int(Exit.STORE_FAILED)})
    return Exit.STORE_FAILED


STUCK = 20.0
"""Seconds one round of the loop may take: more than a transaction may (writer.PATIENCE) and the question that follows
when it failed, whether another process is there. Needed because librdkafka keeps no bound in
`send_offsets_to_transaction` (its issues 5456, 5511): it waits for ever for a group coordinator that it took out of
its list while the broker was away."""


def _watch(registrar: Registrar) -> None:
    """End the process when the loop is stuck in a call: crash-only, a new process reads the ledger anew."""
    while time.monotonic() - registrar.turned_at < STUCK:
        time.sleep(1)
    log.critical("the loop is stuck: the process ends", extra={"code": int(Exit.RESTART)})
    logging.shutdown()
    os._exit(Exit.RESTART)


def build(settings: Settings) -> Registrar:
    """All parts, connected. Waits for Kafka. Raises StoreInUse, StoreFailed, Ending."""
    instance = settings.instance or f"{socket.gethostname()}-registrar"
    rules = rules_in_force(settings.rules)
    remember(rules, settings.rules_kept or settings.data / KEPT)
    decider = Decider(rules, seal_with(settings.seal_key))
    partitions = TOPICS[LEDGER].partitions
    directory = settings.data / "registrar"
    store = Store(directory, partitions, cache_mib=settings.registrar_cache_mib)
    metrics.STATE_BYTES.labels("numbers").set_function(lambda: bytes_in(directory))
    cluster = settings.cluster
    admin = admin_client(cluster, instance)
    identity = wait_for_topics(admin, (LEDGER, *INTAKE_TOPICS))
    if not store.belongs_to(f"{identity.cluster} {identity.topic}"):
        metrics.STORE_REFOLDED.labels("other ledger").inc()
        log.error("state was folded from another ledger: folding anew", extra={"ledger": identity.topic})
    # Fences an earlier process and ends its transaction, before anything is read.
    writer = LedgerWriter(
        ledger_producer(
            cluster,
            transactional_id(settings.registrar_group, instance),
            transaction_timeout_ms=settings.registrar_transaction_ms,
        ),
        transaction_timeout=settings.registrar_transaction_ms / 1000,
    )
    writer.start()

    def probe_of(topic: str) -> Probe:
        return Probe(LedgerReader(cluster, f"{instance}-probe", topic))

    desk = Desk(
        store=store,
        reader=LedgerReader(cluster, instance),
        markers=Markers(probe_of(MARKED_TOPIC)),
        stalls=Stalls(probe_of),
        admin=admin,
        offsets=offsets_consumer(cluster, settings.registrar_group, instance),
        history=_history(admin, [p for p, shelf in enumerate(store.shelves) if shelf.position() is None]),
    )
    intake = Intake(
        group_consumer(
            cluster,
            settings.registrar_group,
            instance,
            session_timeout_ms=settings.registrar_session_ms,
        ),
        assigned_consumer(cluster, f"{instance}-bulk", partition_share=PARTITION_SHARE),
        assigned=desk.assigned,
        revoked=desk.revoked,
        resume=desk.resume,
        unread=desk.unread,
        ends=lambda numbers: LogBounds(admin, (), [(LEAD, number) for number in numbers]),
        cap=settings.registrar_batch,
    )
    desk.attach(intake)
    if settings.registrar_metrics_port:
        Backlog(cluster, instance, desk.undecided_from).start()
        serve(
            settings.metrics_host,
            settings.registrar_metrics_port,
            metrics.REGISTRAR,
            lambda: _report(desk),
        )
    return Registrar(
        desk=desk,
        intake=intake,
        writer=writer,
        decider=decider,
        admin=admin,
        store=store,
        accept_sender_times=settings.registrar_accept_sender_times,
    )


def _history(admin: AdminClient, partitions: list[int]) -> dict[int, int]:
    """Where the ledger ends now."""
    while True:
        try:
            ends = LogBounds(admin, (), [(LEDGER, partition) for partition in partitions]).ends()
            return {partition: end for (_, partition), end in ends.items()}
        except KafkaException as error:  # a topic made just now has no leader yet
            log.warning("ledger ends not known yet", extra={"error": error.args[0].name()})
            time.sleep(0.5)


def _report(desk: Desk) -> tuple[bool, dict[str, object]]:
    ready = desk.is_ready
    return ready, {
        "ready": ready,
        "deciding": [p.number for p in desk.deciding()],
        "halted": desk.halted_because(),
    }
