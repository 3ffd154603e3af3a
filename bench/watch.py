"""The watch under torture on a real Kafka: `python -m bench.watch`, some five minutes; the last line is JSON.

SLA 20 s, grace 1 s. All along 100 completions a second come in, half of them filed. Phases: calm; 10,000 open
obligations and a kill -9 every few seconds; a second worker that joins, is stopped beyond its session and resumed,
and leaves; a broker killed and started again; 200,000 records at once while no watch runs. At the end every obligation
that was overdue must stand on the ledger exactly once, and none that was filed in time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

from natalog.wire.codec import encode
from natalog.wire.partition import key_of
from tests.integration.registrar.process import RegistrarProcess
from tests.integration.registrar.records import claim, number
from tests.integration.watch.stage import GRACE, LEAD, Owing, Stage, WatchProcess
from tests.kafka_broker import Broker
from tests.ledger_check import read_logs

SLA = 20
RATE = 100  # completions a second


class Traffic(threading.Thread):
    """Completions at RATE, half of them filed at once. `pause` holds it while the broker is away."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self.owing: list[Owing] = []
        self.ended = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def run(self) -> None:
        while not self.ended.is_set():
            self.gate.wait()
            began = time.monotonic()
            batch = self._stage.complete(RATE // 5)
            self._stage.sender.flush()
            self._stage.file(batch[::2])
            self.owing += batch[1::2]
            time.sleep(max(0.0, 0.2 - (time.monotonic() - began)))


class Torture:
    """Phases in order; `marks` are their beginnings (ms), by which alerts are counted."""

    def __init__(self, stage: Stage, broker: Broker, kills: int, pause: float) -> None:
        self.stage = stage
        self.broker = broker
        self.kills = kills
        self.pause = pause
        self.rng = Random(7)
        self.marks: dict[str, int] = {}
        self.extra: list[Owing] = []
        self.figures: dict[str, object] = {}
        self.registrar: RegistrarProcess = stage.registrar().wait_ready()
        self.watch: WatchProcess = stage.watch().wait_holding(12)
        self.traffic = Traffic(stage)

    def mark(self, name: str) -> None:
        self.marks[name] = int(time.time() * 1000)
        print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)

    def run(self) -> None:
        self.traffic.start()
        self.mark("calm")
        time.sleep(SLA + 25)
        self.figures["cpu_percent_calm"] = round(100 * cpu_seconds(self.watch) / (SLA + 25))
        self.mark("kills")
        batch = self.stage.complete(10_000)
        self.stage.sender.flush()
        self.stage.file(batch[::2])
        self.extra += batch[1::2]
        for _ in range(self.kills):
            time.sleep(0.5 + self.rng.random() * 2 * self.pause)
            self.watch.kill()
            self.watch = self.stage.watch()
        self.watch.wait_holding(12)
        self.figures["resident_mib"] = resident_mib(self.watch)
        time.sleep(5)
        self.mark("rebalances")
        other = self.stage.watch("w2")
        time.sleep(8)
        other.signal(signal.SIGSTOP)
        time.sleep(14)
        other.signal(signal.SIGCONT)
        time.sleep(6)
        other.kill()
        time.sleep(12)
        self.mark("broker")
        self.traffic.gate.clear()
        time.sleep(0.5)
        self.broker.kill()
        time.sleep(3)
        self.broker.restart()
        self.traffic.gate.set()
        for _ in range(40):
            time.sleep(0.5)
            self.revive()
        self.watch.wait_holding(12)
        self.traffic.ended.set()
        self.traffic.join()
        time.sleep(SLA + 5)
        self.mark("backlog")
        self.watch.kill()
        self.backlog()

    def revive(self) -> None:
        """As a supervisor does."""
        if self.watch.process.poll() is not None:
            self.watch = self.stage.watch()
        if self.registrar.process.poll() is not None:
            self.registrar = self.stage.registrar()

    def backlog(self) -> None:
        for _ in range(199_000):
            record = claim(number())
            self.stage.sender.put(LEAD, key_of(record), encode(record))
        batch = self.stage.complete(1_000)
        self.stage.sender.flush()
        self.stage.file(batch[::2])
        self.extra += batch[1::2]
        began = time.monotonic()
        self.watch = self.stage.watch().wait_holding(12)
        started = time.monotonic()
        self.watch.wait_for(lambda: self.watch.report()["lag"] == 0 and self.watch.report()["open"] > 0, 120)
        self.figures["backlog_start_seconds"] = round(started - began, 1)
        self.figures["backlog_read_seconds"] = round(time.monotonic() - started, 1)

    def count(self) -> None:
        owing = self.traffic.owing + self.extra
        deadline = time.monotonic() + 90
        while len(self.stage.overdue_entries()) < len(owing) and time.monotonic() < deadline:
            time.sleep(1)
            self.revive()
        entries = self.stage.overdue_entries()
        wanted = {o.registration_id: o.due_at for o in owing}
        written = {
            name: found[0][1] - wanted[name] - GRACE * 1000
            for name, found in entries.items()
            if name in wanted
        }
        self.figures |= {
            "overdue": len(wanted),
            "missed": len(wanted.keys() - entries.keys()),
            "false": len(entries.keys() - wanted.keys()),
            "more_than_once": sum(len(found) > 1 for found in entries.values()),
            "not_flagged": sum(found[0][0].flags != ("OVERDUE",) for found in entries.values()),
            "ended_by_itself": sum(
                path.read_text().count('"the watch ends"') for path in self.stage.directory.glob("w*.log")
            ),
            "alerts_sent": sum(
                len(log) for log in read_logs(self.stage.bootstrap, ["sla.alerts"])["sla.alerts"].values()
            ),
        }
        bounds = [*self.marks.items(), ("end", 1 << 62)]
        for (name, begin), (_, end) in itertools.pairwise(bounds):
            late = sorted(
                written[r] for r, due in wanted.items() if begin <= due + 1000 < end and r in written
            )
            if late:
                self.figures[f"on_ledger_after_grace_ms_{name}"] = {
                    "count": len(late),
                    "p50": round(statistics.median(late)),
                    "p99": round(late[int(len(late) * 0.99)]),
                    "max": round(late[-1]),
                }


def cpu_seconds(process: RegistrarProcess) -> float:
    fields = Path(f"/proc/{process.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident_mib(process: RegistrarProcess) -> int:
    for line in Path(f"/proc/{process.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> int:
    """Torture a watch. 1 when an overdue filing was missed, told falsely, or stands on the ledger more than once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two kills, in the mean")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        broker = Broker.start(Path(directory) / "kafka")
        stage = torture = None
        try:
            broker.apply_topics()
            stage = Stage(broker, Path(directory), sla=SLA)
            torture = Torture(stage, broker, arguments.kills, arguments.pause)
            torture.run()
            torture.count()
            print(json.dumps(torture.figures))
        finally:
            if stage is not None:
                stage.close()
            broker.kill()
    bad = ("missed", "false", "more_than_once", "not_flagged")
    return 1 if torture is None or any(torture.figures.get(name, 1) for name in bad) else 0


if __name__ == "__main__":
    sys.exit(main())
