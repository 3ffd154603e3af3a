"""Builds a watch from its settings and runs it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from faust.types.auth import CredentialsT

from natalog import metrics
from natalog.decision.rules import RuleSetError
from natalog.exits import Exit
from natalog.health import serve
from natalog.kafka.clients import admin_client
from natalog.kafka.identity import wait_for_topics
from natalog.ledger.rules import KEPT, remember, rules_in_force
from natalog.settings import Settings
from natalog.watch import watchdog
from natalog.watch.app import ALERTS, Connection, Handlers, Log
from natalog.watch.credentials import NotTranslated, credentials_of
from natalog.watch.gaps import Gaps
from natalog.watch.obligations import TOPIC
from natalog.watch.watch import Ending, Terms, Watch

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between two sweeps."""


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code (natalog.exits) or ends the process with it."""
    try:
        rules = rules_in_force(settings.rules)
        remember(rules, settings.rules_kept or settings.data / KEPT)
    except RuleSetError as error:
        log.error("refused to start", extra={"detail": str(error)})
        return Exit.REFUSED_TO_START
    cluster = settings.cluster
    try:
        credentials = credentials_of(cluster.security)
    except NotTranslated as wrong:
        log.error("NATALOG_KAFKA_PROPERTIES", extra={"detail": str(wrong)})
        return Exit.USAGE
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A sweep may wait 1.5 s for its answer, behind a fetch on the same connection; Faust would say so each time.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    # At once: what an orderly way out would do, a crash has to do without.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    instance = settings.instance or f"{socket.gethostname()}-watch"
    wait_for_topics(admin_client(cluster, instance), (TOPIC, ALERTS))
    terms = Terms(
        rules,
        grace_ms=round(settings.watch_grace_seconds * 1000),
        remember_ms=round(settings.watch_remember_seconds * 1000),
    )
    watch = Watch(terms, Gaps(settings.data / "gaps.json"))
    asyncio.run(_run(watch, settings, instance, credentials))
    return Exit.RESTART


async def _run(watch: Watch, settings: Settings, instance: str, credentials: CredentialsT | None) -> None:
    connection = Connection(
        bootstrap=settings.kafka,
        credentials=credentials,
        group=settings.watch_group,
        instance=instance,
        session=settings.watch_session_ms / 1000,
        directory=str(settings.data),
    )
    handlers = Handlers(
        record=_or_end(watch.record),
        assigned=watch.assigned,
        revoked=watch.revoked,
        sweep=_or_end(watch.sweep),
    )
    kafka = Log(connection, handlers, tick=TICK)
    watch.attach(kafka)
    if settings.watch_metrics_port:
        serve(
            settings.metrics_host,
            settings.watch_metrics_port,
            metrics.WATCH,
            lambda: (watch.has_share, watch.state()),
        )
    watchdog.start(lambda: watch.swept_at, watch.progress, lambda: kafka.has_failed)
    try:
        await kafka.start()
    except Exception as error:
        log.exception("not connected")
        watchdog.end(type(error).__name__)
    await asyncio.Event().wait()


def _stop(*_: object) -> None:
    log.info("stopped")
    os._exit(Exit.DONE)


def _or_end(handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Faust acknowledges and goes on after an exception; the watch must not."""

    async def handle(*arguments: Any) -> None:
        try:
            await handler(*arguments)
        except asyncio.CancelledError:
            raise
        except Ending as ending:
            watchdog.end(str(ending))
        except Exception as error:
            log.exception("unexpected")
            watchdog.end(type(error).__name__)

    return handle
