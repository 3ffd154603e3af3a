"""Who sees what, with real logins: the whole country, one province, nothing of persons."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psycopg
import pytest

from natalog import events
from natalog.events import Answer, BlacklistAction, InvalidationAction, Principal, QueryRecord
from natalog.ledger.follow import Stretch
from natalog.views.checks import Checks
from natalog.views.writer import Writer
from natalog.wire.codec import encode
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.tables import batch_of, opened, stretch

ZHEJIANG, SHANGHAI, NOWHERE = "330106520000", "310104510000", "990101000000"
TABLES = (
    "filings",
    "decisions",
    "registrations",
    "certificates",
    "obligations",
    "claims",
    "contests",
    "blacklist",
    "voids",
    "checks",
)
VIEWS = (
    "late_filings",
    "open_obligations",
    "expired_claims",
    "contested_numbers",
    "blacklist_now",
    "filings_by_day",
)
OF_NO_PROVINCE = ("ledger_positions", "ledger_identity", "audit_positions")
DASHBOARDS = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "dashboards"
LOGINS = (("grafana", "natalog_reader"), ("zj", "natalog_province_33"), ("nobody", ""))


@pytest.fixture(scope="module")
def filled(postgres):
    """Rows of Zhejiang, of Shanghai and of a unit of no province in every table and view."""
    url = postgres.database()
    ledger = MemoryLedger()
    ledger.now = time.time_ns() // 1_000_000 - 24 * 3_600_000
    for unit in (ZHEJIANG, SHANGHAI, NOWHERE):
        of_a_desk(ledger, unit)
    for owner in ("330100", "310000"):
        of_an_owner(ledger, owner)
    writer = opened(url)
    for partition, log in ledger.ledger.items():
        if log:
            writer.write(batch_of(writer, stretch(partition, [(r.key, r.value or b"") for r in log])))
    asked(writer, ledger)
    writer.close()
    with psycopg.connect(url, autocommit=True) as connection:
        for name, role in LOGINS:
            connection.execute(
                f"CREATE ROLE {name} LOGIN PASSWORD 'secret'" + (f" IN ROLE {role}" if role else "")
            )
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        for name, _ in LOGINS:
            connection.execute(f"DROP ROLE {name}")


def of_a_desk(ledger: MemoryLedger, unit: str) -> None:
    """A late filing, one that contests it, a completion that was not filed, a claim of which nothing came."""
    used, owed, claimed = (
        {
            "certificate_number": ledger.number(start=f"X{unit[:2]}"),
            "unit_code": unit,
            "submitter": Principal(sub="desk", org=unit, roles=("station",)),
        }
        for _ in range(3)
    )
    registered = ledger.now - 3_600_000
    for name in ("first", "second"):
        filing = events.Filing(
            event_id=ledger.id(),
            **used,
            registration_id=f"{unit}-{name}",
            registered_at=registered,
            mother_token="m" * 64,
            sealed=b"secret",
            key_id="k",
        )
        ledger.send(filing)
    ledger.send(
        events.Completion(
            event_id=ledger.id(), **owed, registration_id=f"{unit}-owed", registered_at=registered
        )
    )
    ledger.send(events.Claim(event_id=ledger.id(), **claimed))


def of_an_owner(ledger: MemoryLedger, owner: str) -> None:
    """A listing, and a void of the province's health authority."""
    listed, void = (ledger.number(start=f"W{owner[:2]}") for _ in range(2))
    ledger.send(
        events.BlacklistChange(
            event_id=ledger.id(),
            certificate_number=listed,
            unit_code=owner,
            submitter=Principal(sub="admin", org=owner, roles=("prefecture_admin",)),
            action=BlacklistAction.ADD,
            owner=owner,
            cause="LOST",
        )
    )
    issuer = f"{owner[:2]}0000"
    ledger.send(
        events.Invalidation(
            event_id=ledger.id(),
            certificate_number=void,
            unit_code=issuer,
            submitter=Principal(sub="issuer", org=issuer, roles=("health_authority",)),
            action=InvalidationAction.VOID,
            issuer=issuer,
            cause="ERROR",
        )
    )


def asked(writer: Writer, ledger: MemoryLedger) -> None:
    values = [
        encode(
            QueryRecord(
                check_id=ledger.id(),
                asked_at=ledger.now,
                submitter=Principal(sub="officer-7", org=unit, roles=("station",)),
                purpose="p",
                answers=(Answer(certificate_number="X330000001", status="UNUSED"),),
                as_of="t",
            )
        )
        for unit in (ZHEJIANG, SHANGHAI)
    ]
    checks = Checks()
    checks.add(Stretch(0, [0, 1], [b"", b""], values, 2))
    checks.write(writer.connection)


def login(url: str, user: str) -> psycopg.Connection:
    place = url.rpartition("@")[2]
    return psycopg.connect(
        f"postgresql://{user}:secret@{place}", autocommit=True, options="-c search_path=natalog"
    )


def provinces(connection: psycopg.Connection, table: str) -> set:
    return {row[0] for row in connection.execute(f"SELECT province FROM {table}")}


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
def test_the_country_sees_every_province_and_what_has_none(filled, relation):
    with login(filled, "grafana") as connection:
        seen = provinces(connection, relation)
    assert seen >= {"330000", "310000"}
    if relation in ("filings", "decisions", "registrations", "obligations", "claims", "late_filings"):
        assert None in seen


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
def test_a_province_sees_its_own_rows_alone(filled, relation):
    with login(filled, "zj") as connection:
        assert provinces(connection, relation) == {"330000"}


@pytest.mark.parametrize("relation", TABLES)
def test_it_is_the_policy_that_hides_the_others(filled, relation):
    """Without the guard they would be seen: the test above can fail."""
    with login(filled, "zj") as connection, psycopg.connect(filled, autocommit=True) as owner:
        owner.execute(f"ALTER TABLE natalog.{relation} DISABLE ROW LEVEL SECURITY")
        try:
            assert provinces(connection, relation) >= {"330000", "310000"}
        finally:
            owner.execute(f"ALTER TABLE natalog.{relation} ENABLE ROW LEVEL SECURITY")


def test_nothing_else_is_shown_to_a_province(filled):
    with psycopg.connect(filled) as connection:
        granted = connection.execute(
            "SELECT DISTINCT table_name FROM information_schema.column_privileges "
            "WHERE table_schema = 'natalog' AND grantee IN ('natalog_province', 'natalog_reader', 'PUBLIC')"
        ).fetchall()
    assert {name for (name,) in granted} == {*TABLES, *VIEWS, *OF_NO_PROVINCE}


def asked_by_panels(connection: psycopg.Connection, province: str) -> dict[str, list[tuple]]:
    """What every panel over PostgreSQL is answered, without rows that hold nothing."""
    panels = [
        (f"{path.stem}: {panel['title']}", target["rawSql"])
        for path in DASHBOARDS.glob("*.json")
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", ())
        if "rawSql" in target
    ]
    assert len(panels) > 10
    answers = {
        name: connection.execute(text.replace("${province}", province)).fetchall() for name, text in panels
    }
    return {
        name: [row for row in rows if any(value is not None for value in row)]
        for name, rows in answers.items()
    }


@pytest.mark.parametrize("user", ["grafana", "zj"])
def test_panels_answer_whoever_may_read_and_show_a_province_no_other(filled, user):
    with login(filled, user) as connection:
        own, other = asked_by_panels(connection, "33"), asked_by_panels(connection, "31")
    shown = {name for name, rows in own.items() if rows and name.startswith("province")}
    assert len(shown) >= 6
    assert {name for name in shown if other[name]} == (set() if user == "zj" else shown)


def test_panels_say_nothing_of_tables_that_are_empty(filled, postgres):
    url = postgres.database()
    opened(url).close()
    for user in ("grafana", "zj"):
        with login(url, user) as connection:
            answers = asked_by_panels(connection, "33")
        assert {name for name, rows in answers.items() if rows} == {"operations: Tables 数据库占用"}


def test_a_province_cannot_look_past_the_policy(filled):
    with psycopg.connect(filled) as connection:
        query = (
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'natalog.filings'::regclass"
        )
        part = connection.execute(query).fetchall()[-1][0].removeprefix("natalog.")
    with login(filled, "zj") as connection:
        for attempt in (
            "SET ROLE natalog_reader",
            "SET row_security = off; SELECT * FROM natalog.filings",
            f"SELECT * FROM natalog.{part}",
            "ALTER TABLE natalog.filings DISABLE ROW LEVEL SECURITY",
            "DELETE FROM natalog.filings",
        ):
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(attempt)
            assert refused.value.sqlstate == "42501", attempt


FORGERIES = (
    "FUNCTION substr(name, int, int) RETURNS text LANGUAGE sql AS $$ SELECT '31' $$",
    "FUNCTION substr(text, int, int) RETURNS text LANGUAGE sql AS $$ SELECT '31' $$",
    "FUNCTION pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$",
    "FUNCTION always(name, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$",
    "OPERATOR ~ (LEFTARG = name, RIGHTARG = text, FUNCTION = always)",
    "FUNCTION shanghai(text, text) RETURNS text LANGUAGE sql AS $$ SELECT '310000' $$",
    "OPERATOR || (LEFTARG = text, RIGHTARG = text, FUNCTION = shanghai)",
    "FUNCTION with_shanghai(text[], text) RETURNS text[] LANGUAGE sql AS $$ SELECT '{310000}'::text[] $$",
    "AGGREGATE array_agg(text) (SFUNC = with_shanghai, STYPE = text[], INITCOND = '{}')",
)


def test_a_province_that_may_create_functions_still_sees_its_own_alone(filled):
    """Whatever stands in the place of what the policy's function calls, and before it on the path."""
    with psycopg.connect(filled, autocommit=True) as owner, login(filled, "zj") as connection:
        owner.execute("CREATE SCHEMA theirs AUTHORIZATION zj")
        try:
            connection.execute("SET search_path = theirs")
            for forgery in FORGERIES:
                connection.execute(f"CREATE {forgery}")
            for path in ("natalog, theirs", "theirs, pg_catalog, natalog"):
                connection.execute(f"SET search_path = {path}")
                for table in TABLES:
                    assert provinces(connection, f"natalog.{table}") == {"330000"}, (path, table)
        finally:
            owner.execute("DROP SCHEMA theirs CASCADE")


def test_whose_province_it_is_is_asked_once_a_query(filled):
    with login(filled, "zj") as connection:
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN SELECT count(*) FROM obligations"))
    assert plan.count("InitPlan") == 1, plan
    assert "provinces_seen" not in plan, plan  # and not once a row


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
