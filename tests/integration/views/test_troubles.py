"""What PostgreSQL may do to the projector: an alarm in log and metric, nothing lost, catching up by itself."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from random import Random

import psycopg
import pytest

from bench.workload import Mix, Workload
from natalog.decision import codes
from natalog.ledger.head import Head
from natalog.views.batch import Batch
from natalog.views.database import NotPrepared, Trouble, connect, trouble_of
from natalog.views.main import prepare
from natalog.views.migrate import migrate
from natalog.wire.hot import encode_entry
from natalog.wire.murmur2 import partition_of
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.ledgers import OnKafka, made_up, registration
from tests.integration.views.process import Projector, until
from tests.integration.views.tables import batch_of, opened, rows, stretch
from tests.postgres_server import Server

pytestmark = [pytest.mark.timeout(400)]

BURST = 100_000
STALENESS = "natalog_audit_staleness_seconds"


def failing(projector: Projector, trouble: str) -> bool:
    return projector.metric(f'natalog_projection_failing{{trouble="{trouble}"}}') == 1


def entries_held(url: str) -> int:
    return int(rows(url, "SELECT sum(seq) FROM ledger_positions")[0][0])


def burst(ledger: MemoryLedger, kafka: OnKafka, count: int) -> int:
    """So many late filings at once, as an outage of hours leaves them; entries on the ledger then."""
    heads = {p: (len(log), sha256(log[-1].value or b"").digest()) for p, log in ledger.ledger.items()}
    offsets = {p: ledger._heads[p].causes[0] for p in heads}
    kafka.writer.begin_transaction()
    for n, (key, filing) in enumerate(
        Workload(seed=5, mix=Mix(claimed=0, exempt=0, repeated=0, used=0)).filings(count)
    ):
        partition = int(partition_of(key, 12))
        seq, prev = heads[partition]
        offsets[partition] += 1
        flags, delay = codes.FILED_LATE, 7_200_000
        entry = encode_entry(
            *(seq, prev, 0, offsets[partition], ledger.now + 7_200_000 + n, 1, codes.ACCEPTED, 0, flags, 0),
            *(-1, delay, -1, None, filing),
        )
        heads[partition] = (seq + 1, sha256(entry).digest())
        kafka.writer.produce("ledger", entry, key, partition)
        if n % 5_000 == 4_999:
            kafka.writer.commit_transaction(30)
            kafka.writer.begin_transaction()
    kafka.writer.commit_transaction(30)
    return sum(seq for seq, _ in heads.values())


def test_every_trouble_raises_an_alarm_and_passes(broker, tmp_path):
    server = Server.start(tmp_path)
    projector = Projector(broker.bootstrap, server.url, tmp_path)
    chance = Random(3)
    ledger = made_up(20)
    kafka = OnKafka(broker.bootstrap)

    def more() -> int:
        for _ in range(20):
            registration(ledger, chance)
        kafka.put(ledger, void=False)
        return sum(map(len, ledger.ledger.values()))

    def catches_up(count: int) -> None:
        until(lambda: entries_held(server.url) == count, what=projector.logged)
        until(lambda: projector.metric('natalog_projection_failing{trouble="away"}') == 0)

    try:
        # Away before there is any table.
        server.stop()
        count = more()
        projector.start()
        until(lambda: failing(projector, "away"), what=projector.logged)
        server.launch()
        until(lambda: bool(rows_or_none(server.url)), what=projector.logged)
        catches_up(count)

        # Read-only: a standby, or people who set it so.
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")
        # A new connection shows what all go by from their next transaction on.
        until(lambda: rows(server.url, "SHOW default_transaction_read_only") == [("on",)])
        more_count = more()
        until(lambda: failing(projector, "read_only"), what=projector.logged)
        assert entries_held(server.url) == count
        projector.end(signal.SIGKILL)  # and one that starts now finds it so
        projector.start()
        until(lambda: failing(projector, "read_only"), what=projector.logged)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = off")
            connection.execute("SELECT pg_reload_conf()")
        catches_up(more_count)
        until(lambda: projector.metric('natalog_projection_failing{trouble="read_only"}') == 0)

        # What PostgreSQL says when its disk is full (test_a_full_disk fills a real one, where that may be mounted).
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(
                "CREATE FUNCTION natalog.full() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$"
            )
            connection.execute(
                "CREATE TRIGGER full_disk BEFORE INSERT ON natalog.certificates "
                "FOR EACH STATEMENT EXECUTE FUNCTION natalog.full()"
            )
            count = more()
            until(lambda: failing(projector, "disk_full"), what=projector.logged)
            for _ in range(20):  # connections are made anew meanwhile: that is no all-clear
                assert failing(projector, "disk_full")
                time.sleep(0.05)
            assert entries_held(server.url) == more_count
            # Queries can still be recorded, until their table is gone: then that alone stands still.
            staleness = projector.metric(STALENESS)
            assert staleness is not None
            assert staleness < 10
            connection.execute("ALTER TABLE natalog.checks RENAME TO checks_away")
            kafka.ask(1)
            until(lambda: (projector.metric(STALENESS) or 0) > 3, what=projector.logged)
            assert '"cause":"refused: relation \\"checks\\" does not exist"' in projector.logged()
            connection.execute("ALTER TABLE natalog.checks_away RENAME TO checks")
            until(lambda: (projector.metric(STALENESS) or 9) < 3, what=projector.logged)
            connection.execute("DROP TRIGGER full_disk ON natalog.certificates")
        catches_up(count)

        # Away, and a burst meanwhile.
        server.stop()
        kafka.ask(5)
        total = burst(ledger, kafka, BURST)
        until(lambda: failing(projector, "away"), what=projector.logged)
        until(lambda: (projector.metric('natalog_projection_lag_entries{partition="3"}') or 0) > BURST / 24)
        server.launch()
        until(lambda: entries_held(server.url) == total, what=projector.logged)
        until(lambda: projector.metric('natalog_projection_lag_entries{partition="3"}') == 0)
        until(lambda: projector.metric('natalog_projection_failing{trouble="away"}') == 0)
        late = rows(server.url, "SELECT count(*) FROM late_filings WHERE delay_ms = 7200000")
        assert late == [(BURST,)]
        until(lambda: rows(server.url, "SELECT count(*) FROM checks") == [(15,)], what=projector.logged)
        assert "Traceback" not in projector.logged()
        for trouble in ("read_only", "disk_full", "away"):
            assert f'"trouble":"{trouble}"' in projector.logged()
        assert projector.end() == 0
    finally:
        projector.end(signal.SIGKILL)
        server.kill()


def rows_or_none(url: str) -> list[tuple] | None:
    try:
        return rows(url, "SELECT seq FROM ledger_positions")
    except psycopg.Error:
        return None


def test_a_full_disk(postgres):
    """A tablespace of 24 MB in memory, filled to the brim and then freed."""
    place = Path(tempfile.mkdtemp(prefix="natalog-small."))  # not below pytest's, which are closed to others
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", place], capture_output=True
    ).returncode:
        place.rmdir()
        pytest.skip("a file system cannot be mounted here")
    try:
        shutil.chown(place, "postgres", "postgres")  # who may mount is root, and PostgreSQL is not
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            connection.execute("CREATE DATABASE small TABLESPACE small")
        url = f"{postgres.url.rpartition('/')[0]}/small"
        writer = opened(url)
        ledger = made_up(3_000)
        log = ledger.ledger[5]
        batch: Batch = batch_of(writer, stretch(5, [(r.key, r.value or b"") for r in log]))
        filler = place / "filler"
        with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(bytes(4096))
        with pytest.raises(psycopg.Error) as full:
            writer.write(batch)
        assert trouble_of(full.value) is Trouble.DISK_FULL
        writer.close()
        filler.unlink()
        writer = opened(url)
        assert writer.folds[5].head.seq == Head.genesis().seq
        writer.write(batch)
        writer.close()
        assert rows(url, "SELECT seq FROM ledger_positions WHERE partition = 5") == [(len(log),)]
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("DROP DATABASE small WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        place.rmdir()


def test_limits_set_for_readers_do_not_bind_the_projector(database):
    with psycopg.connect(database, autocommit=True) as connection:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {name} = '20ms'")
    with psycopg.connect(database) as reader, pytest.raises(psycopg.errors.QueryCanceled):
        reader.execute("SELECT pg_sleep(0.1)")
    with connect(database, "public") as connection:
        connection.execute("SELECT pg_sleep(0.1)")
        time.sleep(0.1)
        connection.execute("SELECT 1")


def test_a_migration_that_breaks_off_leaves_nothing(database):
    """Somebody else's table is in the way: an early part of the migration has run by then, and is taken back."""
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA natalog")
        connection.execute("CREATE TABLE natalog.voids (theirs int)")

    class Never:
        came = False

        def pause(self, seconds: float) -> None:
            raise AssertionError("this does not pass by waiting")

    with pytest.raises(NotPrepared, match='are as they were: relation "voids" already exists'):
        prepare(database, "natalog", Never())
    with psycopg.connect(database) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'natalog'::regnamespace"
        ).fetchall()
        assert left == [("voids",)]
        connection.execute("DROP TABLE natalog.voids")
    migrate(database, "natalog")
    opened(database).close()
