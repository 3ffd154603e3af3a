"""Every service does its work with the rights that topics.yaml gives it, and can do nothing else."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from typer.testing import CliRunner

from natalog.cli import build
from natalog.cluster import Cluster, read_properties
from natalog.gateway.replica import LIVE_TOPICS
from natalog.kafka import clients, topics
from natalog.kafka.acls import transactional_id
from natalog.kafka.clients import admin_client, intake_producer, ledger_producer
from natalog.kafka.identity import identity_of, missing_topics
from natalog.kafka.offsets import LogBounds
from natalog.ledger.rules import KEPT
from natalog.wire.partition import partition_of
from natalog.wire.topics import TOPICS
from tests.integration.acls.secured import (
    GROUPS,
    OPERATOR,
    SecuredNode,
    SecuredStack,
    allow,
    make_users,
    user_of,
)
from tests.integration.gateway.stack import UNIT, claim, eventually, filing, moment, number
from tests.integration.stranger import Stranger
from tests.kafka_broker import Broker
from tests.postgres_server import Server

SLA = 3  # seconds
STALE = 2.0  # seconds
ADMIN = {"role": "prefecture_admin", "org": "330100"}
ISSUER = {"role": "health_authority", "org": "330100"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[SecuredStack]:
    directory = tmp_path_factory.mktemp("acls")
    broker = Broker.start(directory / "kafka", node=SecuredNode)
    rules = directory / "rules.json"
    rules.write_text(json.dumps({"version": 900, "sla_seconds": SLA}))
    stack = SecuredStack(
        broker.bootstrap,
        directory,
        postgres.database(),
        rules=rules,
        rules_kept=directory / KEPT,
        watch_grace_seconds=1.0,
        gateway_stale_seconds=STALE,
    )
    try:
        applied = natalog("topics", "apply", "--replication", "1", *reached(stack, OPERATOR))
        assert applied.exit_code == 0, applied.output
        make_users(stack.cluster(OPERATOR))
        allow(stack.cluster(OPERATOR))
        yield stack.start()
    finally:
        stack.close()
        broker.kill()


def natalog(*arguments: str) -> Any:
    return CliRunner().invoke(build(list(arguments)), list(arguments))


def reached(stack: SecuredStack, user: str) -> tuple[str, ...]:
    return "--kafka", stack.bootstrap, "--kafka-properties", str(stack.properties(user))


def ends(stack: SecuredStack, topic: str) -> int:
    """Records and markers on a topic."""
    admin = admin_client(stack.cluster(OPERATOR), "test")
    places = [(topic, partition) for partition in range(TOPICS[topic].partitions)]
    return sum(LogBounds(admin, (), places).ends().values())


def decided(reply: httpx.Response) -> Any:
    """The verdict, which there is only when the gateway may write, the registrar decide and the gateway read."""
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_what_is_sent_is_decided_on_every_topic(stack: SecuredStack) -> None:
    certificate, successor = number(), number()
    assert decided(stack.post("filings", filing(certificate)))["verdict"] == "ACCEPTED"
    old = {"registered_at": "2020-05-05T10:00:00+08:00", "birth_date": "2020-05-01", "origin": "BACKFILL"}
    assert decided(stack.post("filings", filing(number(), **old), role="adapter"))
    listing = claim(number(), action="ADD", cause="FORGED", owner="330100", unit_code="330100")
    assert decided(stack.post("blacklist-changes", listing, **ADMIN))["verdict"] == "ACCEPTED"
    exchanged = {"action": "VOID", "cause": "EXCHANGED", "issuer": "330100", "unit_code": "330100"}
    exchange = claim(certificate, **exchanged, replaced_by=successor)
    assert decided(stack.post("invalidations", exchange, **ISSUER))["verdict"] == "ACCEPTED"
    # The registrar sends the succession itself, in the transaction of the exchange.
    spare = decided(stack.post("filings", filing(successor)))
    assert spare["reason"] == "SUCCEEDS_USED"
    # A marker follows the succession: what the gateway knows of this partition stays fresh only if it may look behind.
    time.sleep(STALE + 1)
    eventually(lambda: stack.get(f"certificates/{successor}").status_code == 200, describe=stack.gateway.log)
    beat = {
        "event_id": str(uuid.uuid4()),
        "unit_code": UNIT,
        "occurred_at": moment(minutes=1),
        "agent_version": "1.0",
        "spooled": 0,
    }
    assert stack.post("heartbeats", beat, role="adapter").status_code == 202
    assert ends(stack, "edge.reports") == 1


def test_the_watch_tells_of_what_was_not_filed(stack: SecuredStack) -> None:
    certificate, registration = number(), uuid.uuid4().hex
    completion = claim(certificate, registration_id=registration, registered_at=moment())
    assert decided(stack.post("completions", completion))["verdict"] == "ACCEPTED"
    auditor = reached(stack, user_of("replay"))

    def told() -> bool:
        printed = natalog("tail", "ledger", "--from", "begin", "--no-follow", "--key", certificate, *auditor)
        assert printed.exit_code == 0, printed.output
        return "OVERDUE" in printed.output

    eventually(told, describe=stack.watch.log)


def test_a_question_is_answered_and_recorded(stack: SecuredStack) -> None:
    certificate = number()
    decided(stack.post("claims", claim(certificate)))
    reply: dict[str, Any] = {}

    def answered() -> bool:
        reply.update(stack.get(f"certificates/{certificate}").json())
        return bool(reply["status"] == "CLAIMED")

    eventually(answered, describe=lambda: f"{reply}\n{stack.gateway.log()[-3000:]}")
    assert ends(stack, "queries.audit") > 0

    def projected() -> bool:
        with psycopg.connect(stack.postgres) as connection:
            found = connection.execute(
                "SELECT 1 FROM natalog.checks WHERE check_id = %s", (reply["check_id"],)
            ).fetchone()
        return found is not None

    eventually(projected, describe=stack.projector.log)


def test_an_auditor_proves_the_ledger(stack: SecuredStack) -> None:
    rules = ("--rules", str(stack.directory / "rules.json"), "--seal-key", str(stack.keys.seal))
    proved = natalog("replay", "verify", *rules, *reached(stack, user_of("replay")))
    assert proved.exit_code == 0, proved.output


def test_a_gateway_looks_behind_the_ends_of_logs(stack: SecuredStack) -> None:
    """Holes of each live topic take its Read; what expired takes the committed offsets of the registrars' group."""
    certificate, successor = number(), number()
    partition = partition_of(successor.encode(), 12)

    def wait_until_fresh() -> None:
        since = datetime.now(UTC) + timedelta(
            seconds=1
        )  # the gateway knows the broker's time, and not to the millisecond

        def fresh() -> bool:
            reply = stack.get(f"certificates/{successor}")
            told = reply.json().get("as_of", {}).get("time") if reply.status_code == 200 else None
            return told is not None and datetime.fromisoformat(told) > since

        eventually(fresh, 40, stack.gateway.log)

    for topic in LIVE_TOPICS:
        Stranger(stack.cluster(OPERATOR), (topic, partition), [b"?"]).abort()
    wait_until_fresh()

    assert decided(stack.post("filings", filing(certificate)))["verdict"] == "ACCEPTED"
    exchanged = {"action": "VOID", "cause": "EXCHANGED", "issuer": "330100", "unit_code": "330100"}
    exchange = claim(certificate, **exchanged, replaced_by=successor)
    assert decided(stack.post("invalidations", exchange, **ISSUER))["verdict"] == "ACCEPTED"
    assert decided(stack.post("filings", filing(successor)))["reason"] == "SUCCEEDS_USED"
    admin = admin_client(stack.cluster(OPERATOR), "test")
    place = "certificate.invalidations", partition
    group = ConsumerGroupTopicPartitions(GROUPS.registrar, [TopicPartition(*place)])

    def passed() -> bool:
        """Whether the registrar has found nothing but the succession's marker behind it, and said so."""
        answer = admin.list_consumer_group_offsets([group])[GROUPS.registrar].result()
        return int(answer.topic_partitions[0].offset) == LogBounds(admin, (), [place]).ends()[place]

    eventually(passed, 40, stack.registrar.log)
    stack.gateway.end()
    for future in admin.delete_records([TopicPartition(*place, -1)]).values():  # as retention does
        future.result()
    stack.gateway.start()
    stack.gateway.wait_ready(40.0)
    wait_until_fresh()


def test_who_is_not_let_in_is_told_why(
    stack: SecuredStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that no broker answers, which is all that a request tells."""
    monkeypatch.setattr(topics, "_TIMEOUT", 2.0)
    file = stack.directory / "wrong.properties"
    file.write_text(stack.properties(OPERATOR).read_text().replace("s3cret", "wr0ng"))
    denied = natalog("topics", "plan", "--kafka", stack.bootstrap, "--kafka-properties", str(file))
    assert denied.exit_code == 5
    assert "uthentication" in denied.output
    # A service waits, and logs it.
    stranger = Cluster(stack.bootstrap, read_properties(file))
    for ask in (
        lambda admin: identity_of(admin, "ledger", timeout=5),
        lambda admin: missing_topics(admin, ["ledger"], timeout=5),
    ):
        caplog.clear()
        monkeypatch.setattr(clients, "_noted", {})  # the same is not logged again at once
        with pytest.raises(KafkaException):
            ask(admin_client(stranger, "test"))
        assert "uthentication" in str([getattr(record, "detail", "") for record in caplog.records])


def test_no_service_was_refused_anything_or_told_its_password(stack: SecuredStack) -> None:
    """Some would go on without a right that they ask for, and log it."""
    for service in stack.services:
        assert "authorization" not in service.log().lower(), service.log()[-3000:]
        assert "s3cret" not in service.log()


@pytest.mark.parametrize("service", ["gateway", "watch", "projector", "replay"])
def test_only_registrars_write_the_ledger(stack: SecuredStack, service: str) -> None:
    # Without idempotence, since who may write nowhere does not even get a producer id.
    producer = intake_producer(
        stack.cluster(user_of(service)), "test", **{"message.timeout.ms": 30_000, "enable.idempotence": False}
    )
    assert sent(producer, "ledger") == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_registrar_writes_the_ledger_by_its_own_name_only(stack: SecuredStack) -> None:
    stack.registrar.end()
    cluster = stack.cluster(user_of("registrar"))
    writer = ledger_producer(cluster, transactional_id(GROUPS.registrar, "test"))
    writer.init_transactions(30)
    writer.begin_transaction()
    assert sent(writer, "ledger") is None
    writer.abort_transaction(30)  # or it would stand there as a void entry
    with pytest.raises(KafkaException) as denied:
        ledger_producer(cluster, "somebody").init_transactions(30)
    assert denied.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    stack.registrar.start()
    stack.registrar.wait_ready()


@pytest.mark.parametrize("service", ["registrar", "gateway"])
def test_nobody_deletes_or_alters_the_ledger(stack: SecuredStack, service: str) -> None:
    admin = admin_client(stack.cluster(user_of(service)), "test")
    (deleted,) = admin.delete_topics(["ledger"], operation_timeout=30).values()
    with pytest.raises(KafkaException) as denied:
        deleted.result()
    assert denied.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    # It may not even ask how the ledger is configured, let alone set its retention.
    planned = natalog("topics", "plan", "--replication", "1", *reached(stack, user_of(service)))
    assert planned.exit_code == 5
    assert "uthoriz" in planned.output


def sent(producer: Producer, topic: str) -> int | None:
    """The code of the error that sending a record ended with."""
    found: list[KafkaError | None] = []

    def told(error: KafkaError | None, _: Message) -> None:
        found.append(error)

    producer.produce(topic, b"x", b"k", partition=0, on_delivery=told)
    with suppress(KafkaException):
        producer.flush(45)
    assert found, "neither sent nor refused"
    return None if found[0] is None else found[0].code()
