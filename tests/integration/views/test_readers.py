"""Who sees what, with real logins: the whole country, one province, nothing of persons."""

from __future__ import annotations

import psycopg
import pytest

from natalog.events import BlacklistAction, BlacklistChange, Claim, Filing, Principal, QueryRecord
from natalog.ledger.follow import Stretch
from natalog.views.checks import Checks
from natalog.wire.codec import encode
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.tables import batch_of, opened, stretch

pytestmark = pytest.mark.xdist_group("views")

ZHEJIANG, SHANGHAI, NOWHERE = "330106520000", "310104510000", "990101000000"
TABLES = (
    "filings",
    "decisions",
    "registrations",
    "certificates",
    "obligations",
    "blacklist",
    "voids",
    "checks",
)


@pytest.fixture(scope="module")
def filled(postgres):
    url = postgres.database()
    ledger = MemoryLedger()
    for n, unit in enumerate([ZHEJIANG, ZHEJIANG, SHANGHAI, NOWHERE]):
        desk = Principal(sub="desk", org=unit, roles=("station",))
        head = {
            "certificate_number": ledger.number(start=f"X{unit[:2]}"),
            "unit_code": unit,
            "submitter": desk,
        }
        ledger.send(Claim(event_id=ledger.id(), **head))
        ledger.send(
            Filing(
                event_id=ledger.id(),
                **head,
                registration_id=f"R{n}",
                registered_at=ledger.now - 3_600_000,
                mother_token="m" * 64,
                sealed=b"secret",
                key_id="k",
            )
        )
    for owner in ("330100", "310000"):
        ledger.send(
            BlacklistChange(
                event_id=ledger.id(),
                certificate_number=ledger.number(start=f"W{owner[:2]}"),
                unit_code=owner,
                submitter=Principal(sub="admin", org=owner, roles=("prefecture_admin",)),
                action=BlacklistAction.ADD,
                owner=owner,
                cause="LOST",
            )
        )
    writer = opened(url)
    for partition, log in ledger.ledger.items():
        if log:
            writer.write(batch_of(writer, stretch(partition, [(r.key, r.value or b"") for r in log])))
    checks = Checks()
    asked = []
    for unit in (ZHEJIANG, SHANGHAI):
        asker = Principal(sub="officer-7", org=unit, roles=("station",))
        asked.append(
            QueryRecord(
                check_id=ledger.id(), asked_at=ledger.now, submitter=asker, purpose="p", answers=(), as_of="t"
            )
        )
    from dataclasses import replace

    from natalog.events import Answer

    answers = (Answer(certificate_number="X330000001", status="UNUSED"),)
    values = [encode(replace(record, answers=answers)) for record in asked]
    checks.add(Stretch(0, [0, 1], [b"", b""], values, 2))
    checks.write(writer.connection)
    writer.close()
    with psycopg.connect(url, autocommit=True) as connection:
        for login, role in (("grafana", "natalog_reader"), ("zj", "natalog_province_33"), ("nobody", "")):
            connection.execute(
                f"CREATE ROLE {login} LOGIN PASSWORD 'secret'" + (f" IN ROLE {role}" if role else "")
            )
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        for login in ("grafana", "zj", "nobody"):
            connection.execute(f"DROP ROLE {login}")


def login(url: str, user: str) -> psycopg.Connection:
    place = url.rpartition("@")[2]
    return psycopg.connect(
        f"postgresql://{user}:secret@{place}", autocommit=True, options="-c search_path=natalog"
    )


def provinces(connection: psycopg.Connection, table: str) -> set:
    return {row[0] for row in connection.execute(f"SELECT province FROM {table}")}


def test_the_country_sees_every_province_and_what_has_none(filled):
    with login(filled, "grafana") as connection:
        assert provinces(connection, "filings") == {"330000", "310000", None}
        assert provinces(connection, "checks") == {"330000", "310000"}
        assert provinces(connection, "late_filings") == {"330000", "310000", None}


@pytest.mark.parametrize(
    "table", ["filings", "decisions", "registrations", "certificates", "blacklist", "checks"]
)
def test_a_province_sees_its_own_rows_alone(filled, table):
    with login(filled, "zj") as connection:
        assert provinces(connection, table) == {"330000"}


@pytest.mark.parametrize("view", ["late_filings", "filings_by_day", "blacklist_now"])
def test_views_show_a_province_no_more_than_their_tables(filled, view):
    with login(filled, "zj") as connection:
        assert provinces(connection, view) == {"330000"}


def test_a_province_cannot_look_past_the_policy(filled):
    with login(filled, "zj") as connection:
        for attempt in (
            "SET ROLE natalog_reader",
            "SET row_security = off; SELECT * FROM natalog.filings",
            "SELECT * FROM natalog.filings_2026",
            "ALTER TABLE natalog.filings DISABLE ROW LEVEL SECURITY",
            "DELETE FROM natalog.filings",
        ):
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(attempt)
            assert refused.value.sqlstate == "42501", attempt


@pytest.mark.parametrize("user", ["grafana", "zj"])
@pytest.mark.parametrize(
    ("table", "column"), [("registrations", "sealed"), ("registrations", "mother_token"), ("checks", "sub")]
)
def test_nobody_reads_what_is_of_persons(filled, user, table, column):
    with login(filled, user) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT {column} FROM {table}")


def test_a_login_without_a_role_sees_nothing(filled):
    with login(filled, "nobody") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT count(*) FROM natalog.filings")


def test_every_table_of_rows_is_guarded(filled):
    with psycopg.connect(filled) as connection:
        guarded = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'natalog'::regnamespace AND relrowsecurity"
        ).fetchall()
    assert {name for (name,) in guarded} == set(TABLES)
