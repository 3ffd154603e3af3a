"""Every filing that is not in time, and no other, stands on the ledger as overdue, once."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable
from random import Random

import pytest
from confluent_kafka import Producer, TopicPartition

from natalog import events
from natalog.events import WithdrawalAction
from natalog.exits import Exit
from natalog.wire.codec import encode
from natalog.wire.partition import key_of
from tests.integration.registrar.records import STATION, UNIT, filing, now, number
from tests.integration.watch.stage import GRACE, LEAD, Owing, Stage, WatchProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_calm(stage: Stage) -> None:
    """Filed, not filed, withdrawn, sent again, without a number, and records that are none in between."""
    registrar, watch = stage.registrar(), stage.watch()
    registrar.wait_ready()
    watch.wait_holding(12)
    owing: list[Owing] = []
    for _ in range(10):
        batch = stage.complete(12)
        stage.sender.put(LEAD, b"junk", b"no record")
        stage.sender.put(LEAD, b"junk", None)
        withdraw(stage, batch[7])
        stage.file(batch[:7])
        assert now() < batch[0].due_at, "or the test itself files too late"
        owing += batch[8:]
    exempt = events.Completion(
        event_id=uuid.uuid4(),
        unit_code=UNIT,
        occurred_at=now(),
        submitter=STATION,
        registration_id=uuid.uuid4().hex,
        registered_at=now(),
        exemption="WELFARE_HOME",
    )
    stage.sender.send([exempt, exempt], topic=LEAD)
    owing.append(Owing("", exempt.registration_id, exempt.registered_at + stage.sla * 1000))
    late = stage.await_on_ledger(owing)
    print(f"on the ledger after due time: {min(late)} to {max(late)} ms")
    assert min(late) >= GRACE * 1000
    assert max(late) <= GRACE * 1000 + 20_000
    assert watch.metric("natalog_watch_undecodable_total", cause="unreadable") == 20
    watch.wait_for(lambda: watch.metric("natalog_obligations_open") == 0)
    assert watch.stop() == Exit.DONE
    stage.check()


def withdraw(stage: Stage, owing: Owing) -> None:
    record = events.Withdrawal(
        event_id=uuid.uuid4(),
        certificate_number=owing.number,
        unit_code=UNIT,
        occurred_at=now(),
        submitter=STATION,
        registration_id=owing.registration_id,
        action=WithdrawalAction.REQUEST,
        cause="WRONG_NUMBER",
    )
    stage.sender.put(LEAD, key_of(record), encode(record))


class Supervised:
    """Two watches. One that ended by itself is started again, as a supervisor does."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._watches = {name: stage.watch(name) for name in ("w1", "w2")}

    def __getitem__(self, name: str) -> WatchProcess:
        return self._watches[name]

    def share(self) -> bool:
        """Whether each reads six partitions."""
        return all(watch.holds(6) for watch in self._watches.values())

    def has_open(self, name: str) -> bool:
        return self._watches[name].has_open()

    def look(self) -> None:
        for name, watch in self._watches.items():
            if watch.process.poll() is not None:
                assert watch.process.returncode == Exit.RESTART, watch.log()
                self._watches[name] = self._stage.watch(name)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 90
        while not condition():
            self.look()
            logs = "\n".join(watch.log() for watch in self._watches.values())
            assert time.monotonic() < deadline, logs
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        self._watches[name].kill()
        self._watches[name] = self._stage.watch(name)


@pytest.mark.parametrize("stage", [9], indirect=True)
def test_killed_stopped_joined_and_left(stage: Stage) -> None:
    """kill -9 at chance moments, two workers, one stopped beyond its session: 1,000 obligations."""
    rng = Random(1)
    watches = Supervised(stage)
    watches.wait(watches.share)
    owing: list[Owing] = []
    for round_ in range(5):
        batch = stage.complete(200)
        stage.sender.flush()
        stage.file(batch[::2])
        owing += batch[1::2]
        if round_ in (1, 3):
            # Alive, so that it has committed: killed before, it would only begin anew.
            watches.wait(lambda: watches.has_open("w1"))
            time.sleep(0.6 + rng.random() * 2)
            watches.kill("w1")
        elif round_ == 2:
            watches["w2"].signal(signal.SIGSTOP)
        elif round_ == 4:
            time.sleep(3)
            watches["w2"].signal(signal.SIGCONT)
    # One that comes back to a share it no longer advances on ends by its watchdog, after 40 s, and the group moves it.
    stage.await_alerts(owing, timeout=150, meanwhile=watches.look)
    for name in ("w1", "w2"):
        watches[name].process.kill()
    # The registrar was down all the while: what was told twice is a repeat, and no alert overtakes its completion.
    stage.registrar().wait_ready()
    stage.await_on_ledger(owing)


@pytest.mark.parametrize("stage", [6], indirect=True)
def test_stopped_and_resumed(stage: Stage) -> None:
    """Everything fell due while it was stopped, and half of it was filed in time: it reads before it tells."""
    watch = stage.watch().wait_holding(12)
    owing = stage.complete(400)
    stage.sender.flush()
    watch.wait_for(lambda: watch.report()["open"] == 400)
    watch.signal(signal.SIGSTOP)
    stage.file(owing[::2])
    assert now() < owing[0].due_at, "or the test itself files too late"
    for _ in range(10_000):
        record = filing(number())
        stage.sender.put(LEAD, key_of(record), encode(record))
    stage.sender.flush()
    time.sleep(max(0.0, (owing[-1].due_at - now()) / 1000 + GRACE))
    watch.signal(signal.SIGCONT)
    stage.await_alerts(owing[1::2])


def test_alerts_do_not_overtake_a_backlog(stage: Stage) -> None:
    """The registrar has 25,000 live records before it when the alerts about their end are already there."""
    watch = stage.watch().wait_holding(12)
    for _ in range(25_000):
        record = filing(number())
        stage.sender.put(LEAD, key_of(record), encode(record))
    owing = stage.complete(300, ago=stage.sla)
    stage.sender.flush()
    stage.await_alerts(owing)
    watch.kill()
    registrar = stage.registrar()
    registrar.wait_ready()
    stage.await_on_ledger(owing)


@pytest.mark.parametrize("stage", [2], indirect=True)
def test_records_that_expired_unread(stage: Stage) -> None:
    """Retention passed the committed offset: an alarm, and on from where the log begins."""
    watch = stage.watch().wait_holding(12)
    for _ in range(3):
        stage.sender.put(LEAD, b"junk", b"no record", 3)
    told = stage.complete(5, ago=stage.sla, partition=3)  # needed from 3 on as long as they are remembered
    stage.sender.flush()
    stage.await_alerts(told)
    watch.wait_for(lambda: watch.metric("natalog_obligations_open") == 0)
    watch.kill()
    stage.complete(40, partition=3)
    owing = stage.complete(10, partition=3)
    stage.sender.flush()
    for future in stage.admin.delete_records([TopicPartition(LEAD, 3, 48)]).values():
        future.result()
    again = stage.watch().wait_holding(12)
    stage.await_alerts(told + owing)
    assert again.metric("natalog_watch_missing_records_total", cause="expired") == 45
    # And while it lags: the log is cut before its position.
    again.signal(signal.SIGSTOP)
    more = stage.complete(1, partition=3)
    stage.sender.flush()
    time.sleep(
        0.5
    )  # it comes with the answer that the stopped process has asked for, if that was not given before
    stage.complete(29, partition=3)
    more += stage.complete(5, partition=3)
    stage.sender.flush()
    for future in stage.admin.delete_records([TopicPartition(LEAD, 3, 88)]).values():
        future.result()
    again.signal(signal.SIGCONT)
    again.wait_for(lambda: again.metric("natalog_watch_missing_records_total") > 45)
    missing = again.metric("natalog_watch_missing_records_total") - 45
    assert missing in (29, 30)
    stage.await_alerts(told + owing + (more if missing == 29 else more[1:]))


@pytest.mark.parametrize("stage", [6], indirect=True)
def test_clock_of_the_host_is_set(stage: Stage) -> None:
    """An hour ahead, then back: the watch goes by the broker's clock once it has seen it."""
    watch = stage.watch(step="4:3600").wait_holding(12)
    began = time.monotonic()
    owing: list[Owing] = []
    while time.monotonic() - began < 7:
        batch = stage.complete(4)
        stage.sender.flush()
        owing += batch[2:]
        stage.file(batch[:2])
        time.sleep(0.5)
    assert not {name for name, _ in stage.alerts()} - {o.registration_id for o in owing if o.due_at < now()}
    stage.await_alerts(owing)
    watch.wait_for(lambda: watch.metric("natalog_watch_clock_offset_seconds") < -3500)
    assert watch.metric("natalog_watch_clock_steps_total") == 0
    watch.kill()
    # Started with a clock an hour ahead, it may tell of one before the broker's answer puts it right.
    quiet = stage.complete(20)
    stage.sender.flush()
    wrong = stage.watch(step="0:3600").wait_holding(12)
    stage.await_alerts(owing + quiet)
    told = stage.told_at()
    assert sum(told[o.registration_id] < o.due_at for o in quiet) <= 1
    wrong.kill()


@pytest.mark.parametrize("stage", [2], indirect=True)
def test_offsets_that_a_transaction_took(stage: Stage) -> None:
    """A hole is read again by a new process, and then believed: no crash loop."""
    producer = Producer({"bootstrap.servers": stage.bootstrap, "transactional.id": "stranger"})
    producer.init_transactions(30)
    producer.begin_transaction()
    stranger = filing(number(3))
    producer.produce(LEAD, encode(stranger), key_of(stranger), 3)
    producer.commit_transaction(30)
    owing = stage.complete(3, partition=3)
    stage.sender.flush()
    assert stage.watch().wait_end(60) == Exit.RESTART
    watch = stage.watch().wait_holding(12)
    stage.await_alerts(owing)
    assert watch.metric("natalog_watch_missing_records_total", cause="hole") == 1
