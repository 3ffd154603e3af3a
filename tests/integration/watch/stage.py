"""A watch as a process of its own, and an empty Kafka around it."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from natalog import events
from natalog.settings import environment, load
from natalog.wire.codec import decode, encode
from natalog.wire.partition import key_of
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.process import ROOT, RegistrarProcess
from tests.integration.registrar.records import STATION, UNIT, filing, now, number
from tests.kafka_broker import Broker
from tests.ledger_check import read_logs
from tests.ports import free_port

RUNNER = Path(__file__).with_name("runner.py")
LEAD = "birth.registrations"
GRACE = 1.0  # seconds


class WatchProcess(RegistrarProcess):
    """Signals, log and metrics as of a registrar. `extra` goes to the runner: STEP, WITHOUT."""

    def __init__(
        self,
        *,
        bootstrap: str,
        data: Path,
        group: str,
        instance: str,
        rules: Path,
        session_ms: int,
        **extra: str,
    ) -> None:
        self.port = free_port()
        self.log_path = data.parent / f"{data.name}.log"
        data.mkdir(parents=True, exist_ok=True)
        settings = load().model_copy(
            update={
                "kafka": bootstrap,
                "data": data,
                "instance": instance,
                "rules": rules,
                "watch_group": group,
                "watch_session_ms": session_ms,
                "watch_metrics_port": self.port,
                "watch_grace_seconds": GRACE,
                "watch_remember_seconds": 20.0,
                "log_format": "json",
            }
        )
        variables = environment(settings) | {f"RUNNER_{name.upper()}": value for name, value in extra.items()}
        variables["PYTHONPATH"] = str(ROOT / "services")
        self._log = self.log_path.open("ab")
        self._variables = variables
        self.process = self._start(RUNNER)

    def wait_holding(self, partitions: int, timeout: float = 60.0) -> WatchProcess:
        """Until it reads so many partitions."""
        self.wait_for(
            lambda: len(self.report()["partitions"]) == partitions, timeout, f"holding {partitions}"
        )
        return self

    def holds(self, partitions: int) -> bool:
        """Whether it answers, and reads so many partitions."""
        try:
            return len(self.report()["partitions"]) == partitions
        except (OSError, KeyError):
            return False

    def has_open(self) -> bool:
        """Whether it answers, and knows of obligations."""
        try:
            return bool(self.report()["open"] > 0)
        except (OSError, KeyError):
            return False


@dataclass(frozen=True, slots=True)
class Owing:
    """A completion that was sent; its filing is due at `due_at` (UTC ms)."""

    number: str
    registration_id: str
    due_at: int


class Stage(Bench):
    """A bench with watches whose SLA is `sla` seconds."""

    def __init__(self, broker: Broker, directory: Path, *, sla: int) -> None:
        super().__init__(broker, directory)
        self.sla = sla
        self.watch_group = f"watch-{uuid.uuid4().hex[:8]}"
        self.rules = directory / "rules.json"
        self.rules.write_text(json.dumps({"version": 900, "sla_seconds": sla}))

    def watch(self, instance: str = "w1", *, session_ms: int = 6_000, **extra: str) -> WatchProcess:
        if guard := os.environ.get("WATCH_WITHOUT"):
            extra.setdefault("without", guard)
        process = WatchProcess(
            bootstrap=self.bootstrap,
            data=self.directory / instance,
            group=self.watch_group,
            instance=f"{self.watch_group}-{instance}",
            rules=self.rules,
            session_ms=session_ms,
            **extra,
        )
        self.processes.append(process)
        return process

    def complete(self, count: int, *, ago: float = 0.0, partition: int | None = None) -> list[Owing]:
        """Completions of registrations `ago` seconds old. Returned before they are flushed."""
        owing = []
        for _ in range(count):
            at = now() - round(ago * 1000)
            record = events.Completion(
                event_id=uuid.uuid4(),
                certificate_number=number(partition),
                unit_code=UNIT,
                occurred_at=at,
                submitter=STATION,
                registration_id=uuid.uuid4().hex,
                registered_at=at,
            )
            self.sender.put(LEAD, key_of(record), encode(record))
            assert record.certificate_number is not None
            due_at = at + self.sla * 1000
            owing.append(Owing(record.certificate_number, record.registration_id, due_at))
        return owing

    def file(self, owing: list[Owing]) -> None:
        """Filings of these; returns when the broker has them."""
        for o in owing:
            record = filing(o.number, registration=o.registration_id)
            self.sender.put(LEAD, key_of(record), encode(record))
        self.sender.flush()

    def alerts(self) -> Counter[tuple[str, uuid.UUID]]:
        """Registration and event id of everything on sla.alerts, and how often."""
        found: Counter[tuple[str, uuid.UUID]] = Counter()
        for log in read_logs(self.bootstrap, ["sla.alerts"])["sla.alerts"].values():
            for record in log:
                alert = decode(record.value)
                assert isinstance(alert, events.FilingOverdue)
                assert record.key == key_of(alert)
                found[alert.registration_id, alert.event_id] += 1
        return found

    def told_at(self) -> dict[str, int]:
        """By registration, when it was first told of: the broker's time, UTC ms."""
        first: dict[str, int] = {}
        for log in read_logs(self.bootstrap, ["sla.alerts"])["sla.alerts"].values():
            for record in log:
                alert = decode(record.value)
                assert isinstance(alert, events.FilingOverdue)
                first[alert.registration_id] = min(
                    record.timestamp, first.get(alert.registration_id, record.timestamp)
                )
        return first

    def await_alerts(
        self, owing: list[Owing], timeout: float = 60.0, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Until each of these was told, and nothing else, under one event id each."""
        wanted = {o.registration_id for o in owing}
        deadline = time.monotonic() + timeout
        while wanted - (told := Counter(name for name, _ in self.alerts())).keys():
            if time.monotonic() > deadline:
                break
            meanwhile()
            time.sleep(0.2)
        logs = "\n".join(process.log() for process in self.processes)
        assert not wanted - told.keys(), f"{len(wanted - told.keys())} of {len(wanted)} missed\n{logs}"
        assert not told.keys() - wanted, f"{len(told.keys() - wanted)} told that were not overdue\n{logs}"
        assert set(told.values()) == {1}, "an obligation has one event id"

    def overdue_entries(self) -> dict[str, list[tuple[events.Entry, int]]]:
        """FilingOverdue entries by registration, repeats left out, with the time they were written (ms)."""
        found: dict[str, list[tuple[events.Entry, int]]] = {}
        for log in read_logs(self.bootstrap, ["ledger"])["ledger"].values():
            for record in log:
                entry = decode(record.value)
                assert isinstance(entry, events.Entry)
                if entry.topic == "sla.alerts" and isinstance(entry.input, bytes):
                    alert = decode(entry.input)
                    assert isinstance(alert, events.FilingOverdue)
                    found.setdefault(alert.registration_id, []).append((entry, record.timestamp))
        return found

    def await_on_ledger(self, owing: list[Owing], timeout: float = 60.0) -> list[int]:
        """Until each of these stands on the ledger as OVERDUE, exactly once, and nothing else does.

        Returns how long after the due time each was written, ms.
        """
        deadline = time.monotonic() + timeout
        while len(found := self.overdue_entries()) < len(owing) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert found.keys() == {o.registration_id for o in owing}
        assert {len(entries) for entries in found.values()} == {1}
        assert {entry.flags for ((entry, _),) in found.values()} == {("OVERDUE",)}
        return [found[o.registration_id][0][1] - o.due_at for o in owing]
