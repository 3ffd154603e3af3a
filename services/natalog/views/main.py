"""Builds the projector from settings and runs it: the whole of `natalog run projector`."""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Callable
from functools import partial

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from psycopg.conninfo import conninfo_to_dict

from natalog import metrics
from natalog.decision.rules import RuleSetError, RuleSets
from natalog.exits import Exit
from natalog.health import serve
from natalog.kafka.clients import admin_client
from natalog.kafka.identity import Identity, identity_of
from natalog.kafka.offsets import LogBounds
from natalog.ledger.follow import LEDGER, LedgerReader
from natalog.ledger.rules import KEPT, remembered, rules_in_force
from natalog.settings import POSTGRES_URL, Settings
from natalog.views.audit import Audit
from natalog.views.database import LIVE, NotPrepared, Trouble, connect, reason_of, trouble_of
from natalog.views.following import Following
from natalog.views.lag import Lag
from natalog.views.late import cause_of
from natalog.views.ledger_metrics import LedgerMetrics, declare, publish
from natalog.views.migrate import migrate
from natalog.views.open_cases import OpenCases
from natalog.views.positions import OtherLedger
from natalog.views.projector import Projector, run
from natalog.views.rebuild import Rebuild
from natalog.views.writer import Writer
from natalog.wire.topics import TOPICS

log = logging.getLogger(__name__)

PARTITIONS = TOPICS[LEDGER].partitions


class Stopped(Exception):
    """A signal came while waiting."""


class Interrupt:
    """SIGTERM and SIGINT, for what may have to wait long."""

    def __init__(self) -> None:
        self.came = False
        self._then: Callable[[], None] = lambda: None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def pause(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        end = time.monotonic() + seconds
        while not self.came and time.monotonic() < end:
            time.sleep(0.05)
        if self.came:
            raise Stopped

    def calls(self, then: Callable[[], None]) -> None:
        """What a signal does from now on; at once if one came while nobody could be told."""
        self._then = then
        if self.came:
            then()

    def _on_signal(self, *_: object) -> None:
        self.came = True
        self._then()


def main(settings: Settings, *, rebuild: bool = False) -> int:
    """Run until SIGTERM or SIGINT; with `rebuild` until the new tables are in place. Returns the exit code."""
    interrupt = Interrupt()
    if not settings.postgres:
        log.error("set NATALOG_POSTGRES to the database's URL: there is nowhere to put the projection")
        return Exit.REFUSED_TO_START
    try:
        conninfo_to_dict(settings.postgres)
    except psycopg.ProgrammingError:  # whose text holds the password
        log.error(f"NATALOG_POSTGRES is no URL of a database: {POSTGRES_URL}")
        return Exit.USAGE
    try:
        (refold if rebuild else follow)(settings, interrupt)
    except Stopped:
        log.info("stopped")
    except (NotPrepared, RuleSetError) as reason:
        log.error("refused to start", extra={"reason": str(reason)})
        return Exit.REFUSED_TO_START
    except OtherLedger as reason:
        log.critical(
            "refused: these tables are not of this ledger. If the ledger is right, fold them anew with "
            "`natalog run projector --rebuild`",
            extra={"reason": str(reason)},
        )
        return Exit.REFUSED_TO_START
    except (psycopg.Error, KafkaException) as error:
        said = reason_of(error) if isinstance(error, psycopg.Error) else str(error)
        log.critical("ended by a fault", extra={"reason": said}, exc_info=True)
        return Exit.RESTART
    return Exit.DONE


def follow(settings: Settings, interrupt: Interrupt) -> None:
    """Keep the tables in step until a signal."""
    known = known_rules(settings)
    admin = admin_client(settings.cluster, "natalog-projector")
    state = {"ready": False}
    if settings.projector_metrics_port:
        serve(
            settings.metrics_host,
            settings.projector_metrics_port,
            metrics.PROJECTOR,
            lambda: (state["ready"], dict(state)),
        )
    identity = ledger_identity(admin, interrupt)
    prepare(settings.postgres, LIVE, interrupt)
    following = Following(LedgerReader(settings.cluster, "natalog-projector"), known)
    lag = Lag(admin, following)
    open_cases = OpenCases(settings.postgres, LIVE)
    declare()

    def beside() -> None:
        lag.look()
        open_cases.look()

    projector = Projector(
        following,
        lambda: Writer(settings.postgres, LIVE, PARTITIONS, identity),
        ends=ledger_ends(admin, interrupt),
        hand_on=LedgerMetrics(partial(cause_of, known), publish).hand_on,
        beside=beside,
    )
    interrupt.calls(projector.stop)
    state["ready"] = True
    audit = Audit(settings.cluster, admin, lambda: connect(settings.postgres, LIVE))
    audit.start()
    try:
        run(projector, healthy=lambda: audit.fault is None)
    finally:
        audit.close()
    if audit.fault is not None:
        raise audit.fault


def refold(settings: Settings, interrupt: Interrupt) -> None:
    """Fold everything anew beside the tables in use, and exchange them."""
    known = known_rules(settings)
    admin = admin_client(settings.cluster, "natalog-rebuild")
    identity = ledger_identity(admin, interrupt)

    ends = ledger_ends(admin, interrupt)
    rebuild = Rebuild(
        settings.postgres,
        settings.cluster,
        admin,
        identity,
        ends,
        known,
        started=lambda projector: interrupt.calls(projector.stop),
    )
    if not rebuild.run():
        log.warning("stopped before the new tables were complete: the old ones stay in use")


def known_rules(settings: Settings) -> RuleSets:
    """Every set that was kept here, and the one that is decided under now. Raises RuleSetError."""
    known = remembered(settings.rules_kept or settings.data / KEPT)
    known.add(rules_in_force(settings.rules))
    return known


def ledger_identity(admin: AdminClient, interrupt: Interrupt) -> Identity:
    """Waits for Kafka and the topic. Raises Stopped."""
    while True:
        try:
            return identity_of(admin, LEDGER)
        except KafkaException as error:
            log.warning("waiting for Kafka and the topic ledger", extra={"detail": str(error)})
        interrupt.pause(1.0)


def ledger_ends(admin: AdminClient, interrupt: Interrupt) -> dict[int, int]:
    """Offset of the next record by partition. Waits for Kafka. Raises Stopped."""
    while True:
        bounds = LogBounds(admin, [], [(LEDGER, p) for p in range(PARTITIONS)])
        try:
            return {p: end for (_, p), end in bounds.ends().items()}
        except KafkaException as error:
            log.warning("waiting for the ledger's ends", extra={"error": error.args[0].name()})
            with contextlib.suppress(KafkaException):
                admin.list_topics(timeout=2.0)
        interrupt.pause(0.5)


def prepare(dsn: str, schema: str, interrupt: Interrupt) -> None:
    """Bring a schema up to date. Waits for PostgreSQL. Raises NotPrepared, Stopped."""
    noted = None
    began = time.monotonic()
    # A lock that is not given, or a server that hangs, raises nothing. The Projector made then goes on to tell.
    metrics.PROJECTION_WAITING.set_function(lambda: time.monotonic() - began)
    while True:
        try:
            migrate(dsn, schema)
        except psycopg.Error as error:
            trouble = trouble_of(error)
            if trouble is Trouble.REFUSED:
                raise NotPrepared(
                    f"the tables could not be migrated, and are as they were: {error.diag.message_primary or error}"
                ) from error
            if trouble != noted:
                log.error(
                    "waiting for PostgreSQL", extra={"trouble": str(trouble), "sqlstate": error.sqlstate}
                )
                metrics.PROJECTION_FAILING.labels(trouble).set(1)  # cleared by the Projector made then
                noted = trouble
            interrupt.pause(1.0)
            continue
        return
