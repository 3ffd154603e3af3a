"""Folds the whole ledger into a schema beside the one in use, and puts it in that one's place in one step.

Readers go on with the old tables until the moment of the exchange, and with the new ones from there. A projector that
runs meanwhile is not disturbed either: its next transaction finds another position than it left, and goes on from that.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

import psycopg
from confluent_kafka.admin import AdminClient
from psycopg import Connection, sql
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from natalog.cluster import Cluster
from natalog.decision.rules import RuleSets
from natalog.kafka.identity import Identity
from natalog.ledger.follow import LEDGER, LedgerReader
from natalog.views import audit, checks
from natalog.views.database import LIVE, NEXT, OLD, NotPrepared, connect, drop_schema, schema_exists
from natalog.views.following import Following
from natalog.views.migrate import migrate
from natalog.views.projector import Projector
from natalog.views.writer import Writer
from natalog.wire.topics import TOPICS

log = logging.getLogger(__name__)

_REBUILDING = 0x7265627569  # advisory lock: one rebuild at a time
_PARTITIONS = TOPICS[LEDGER].partitions
_LAST_STRETCH = 60.0
"""Seconds the last entries may take, during which the projector in use waits; readers never do."""


class Rebuild:
    """One rebuild. `started` gets the projector that fills the new schema, so that a signal can stop it."""

    def __init__(
        self,
        dsn: str,
        kafka: Cluster,
        admin: AdminClient,
        identity: Identity,
        ends: dict[int, int],
        known: RuleSets,
        *,
        started: Callable[[Projector], None] = lambda _: None,
        console: Console | None = None,
    ) -> None:
        self._dsn = dsn
        self._kafka = kafka
        self._admin = admin
        self._identity = identity
        self._ends = ends
        self._known = known
        self._started = started
        self._console = console or Console(stderr=True)

    def run(self) -> bool:
        """Do it. False when it was stopped; the schema in use is as it was then.

        Raises NotPrepared when another rebuild runs or the new tables do not come as far as those in use,
        psycopg.Error, KafkaException, OtherLedger.
        """
        with connect(self._dsn, LIVE) as gate:
            gate.autocommit = True
            if not _one(gate, "SELECT pg_try_advisory_lock(%s)", _REBUILDING):
                raise NotPrepared("another rebuild runs on this database: wait for it")
            for left in (OLD, NEXT):
                drop_schema(gate, left)
            migrate(self._dsn, NEXT)
            same = self._is_same_ledger(gate)
            following = Following(LedgerReader(self._kafka, "natalog-rebuild"), self._known, counting=False)
            projector = Projector(
                following,
                lambda: Writer(self._dsn, NEXT, _PARTITIONS, self._identity),
                ends=self._ends,
            )
            self._started(projector)
            reader = LedgerReader(self._kafka, "natalog-rebuild", audit.TOPIC)
            try:
                with connect(self._dsn, NEXT) as side:
                    if not self._fill(projector, following):
                        return False
                    self._take_checks(side, reader, carry=same)
                    side.execute("ANALYZE")
                    side.commit()
                    self._exchange(gate, side, projector, following, reader, same=same)
            finally:
                reader.close()
                projector.close()
            _drop_old(gate)
            return True

    def _fill(self, projector: Projector, following: Following) -> bool:
        """To the ledger's end as it was at the start. Whether it was not stopped."""
        projector.begin()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        total = sum(self._ends.values())
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            task = progress.add_task("folding the ledger", total=total)
            told = time.monotonic()
            while not projector.stopping and not following.reached(self._ends):
                projector.step(0.2)
                progress.update(task, completed=min(total, following.covered()))
                if not self._console.is_terminal and time.monotonic() - told > 10:
                    told = time.monotonic()
                    log.info("rebuilding", extra={"offsets": following.covered(), "of": total})
            projector.settle()
        return not projector.stopping

    def _take_checks(self, side: Connection, reader: LedgerReader, *, carry: bool) -> None:
        bounds = audit.bounds_of(self._admin)
        if carry:
            kept = checks.carry_over(side, LIVE, {p: start for p, (start, _) in bounds.items()})
            if kept:
                log.info("checks kept that have expired from queries.audit", extra={"rows": kept})
        reader.start(checks.positions(side, bounds))
        audit.catch_up(reader, side, {p: end for p, (_, end) in bounds.items()}, _LAST_STRETCH)

    def _exchange(
        self,
        gate: Connection,
        side: Connection,
        projector: Projector,
        following: Following,
        reader: LedgerReader,
        *,
        same: bool,
    ) -> None:
        with gate.transaction():
            if schema_exists(gate, LIVE):
                if same:
                    # Writers wait from here on, readers do not. What they wrote is what must be there, too.
                    gate.execute(
                        sql.SQL("LOCK TABLE {}, {} IN SHARE ROW EXCLUSIVE MODE").format(
                            sql.Identifier(LIVE, "ledger_positions"), sql.Identifier(LIVE, "audit_positions")
                        )
                    )
                    self._come_as_far(gate, side, projector, following, reader)
                gate.execute(_rename(LIVE, OLD))
            gate.execute(_rename(NEXT, LIVE))
        log.info("the new tables are in use", extra={"entries": projector.entries})

    def _come_as_far(
        self,
        gate: Connection,
        side: Connection,
        projector: Projector,
        following: Following,
        reader: LedgerReader,
    ) -> None:
        wanted = _pairs(gate, "SELECT partition, ledger_offset FROM ledger_positions")
        asked = _pairs(gate, "SELECT partition, topic_offset FROM audit_positions")
        deadline = time.monotonic() + _LAST_STRETCH
        while not following.reached(wanted):
            projector.step(0.1)
            if time.monotonic() > deadline or projector.stopping:
                raise NotPrepared(
                    "the new tables did not come as far as those in use, which stay: see the log"
                )
        projector.settle()
        # A halted partition counts as reached; tables that lack what those in use hold must not take their place.
        short = [p for p, end in wanted.items() if following.folded(p) < end]
        if short:
            raise NotPrepared(
                f"partitions {short} cannot be folded as far as the tables in use, which stay: see the log"
            )
        audit.catch_up(reader, side, asked, _LAST_STRETCH)

    def _is_same_ledger(self, gate: Connection) -> bool:
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            found = gate.execute(
                sql.SQL("SELECT cluster_id, topic_id FROM {}").format(sql.Identifier(LIVE, "ledger_identity"))
            ).fetchone()
            return found == (self._identity.cluster, self._identity.topic)
        return False


def _rename(schema: str, to: str) -> sql.Composed:
    return sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(schema), sql.Identifier(to))


def _drop_old(gate: Connection) -> None:
    """Readers that began before the exchange may still hold it; then it goes with the next rebuild."""
    gate.execute("SET lock_timeout = '5s'")
    try:
        drop_schema(gate, OLD)
    except psycopg.errors.LockNotAvailable:
        log.warning("the old tables are still being read: the next rebuild drops them", extra={"schema": OLD})


def _one(connection: Connection, query: str, *arguments: object) -> object:
    row = connection.execute(query, arguments).fetchone()
    return None if row is None else row[0]


def _pairs(connection: Connection, query: str) -> dict[int, int]:
    return {int(row[0]): int(row[1]) for row in connection.execute(query)}
