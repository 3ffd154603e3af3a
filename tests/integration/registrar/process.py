"""A registrar as a process of its own, with its metrics, its log and its end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rocksdict import AccessType, Options, Rdict

from natalog.ledger.head import Head
from natalog.ledger.store import _LAST, _POSITION
from natalog.local.tether import tethered
from natalog.settings import environment, load
from tests.ports import free_port

RUNNER = Path(__file__).with_name("runner.py")
ROOT = Path(__file__).parents[3]


class RegistrarProcess:
    """`extra` goes to the runner: AT, DO, WITHOUT, OLD, FLUSH, UNFLUSHED, VOUCH, HEARTBEAT (see runner.py).

    `batch` is the most records of one.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        data: Path,
        group: str,
        instance: str,
        seal_key: Path,
        session_ms: int = 6_000,
        transaction_ms: int = 10_000,
        batch: int = 2_000,
        accept_sender_times: bool = False,
        **extra: str,
    ) -> None:
        self.port = free_port()
        self.log_path = data.parent / f"{data.name}-{instance}.log"
        data.mkdir(parents=True, exist_ok=True)
        settings = load().model_copy(
            update={
                "kafka": bootstrap,
                "data": data,
                "instance": instance,
                "seal_key": seal_key,
                "registrar_group": group,
                "registrar_session_ms": session_ms,
                "registrar_transaction_ms": transaction_ms,
                "registrar_batch": batch,
                "registrar_accept_sender_times": accept_sender_times,
                "registrar_metrics_port": self.port,
                "log_format": "json",
            }
        )
        variables = environment(settings) | {f"RUNNER_{name.upper()}": value for name, value in extra.items()}
        variables["PYTHONPATH"] = f"{ROOT / 'services'}:{ROOT}"
        self.data = data
        self._log = self.log_path.open("ab")
        self._variables = variables
        self.process = self._start(RUNNER)

    def _start(self, runner: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            tethered([sys.executable, str(runner)]),
            env=self._variables,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
        )

    def wait_ready(self, timeout: float = 60.0) -> RegistrarProcess:
        """Until it decides all it was given."""
        self.wait_for(lambda: self.report()["ready"], timeout, "ready")
        return self

    def wait_deciding(self, partitions: int, timeout: float = 60.0) -> None:
        """Until it decides so many partitions."""
        self.wait_for(lambda: len(self.report()["deciding"]) == partitions, timeout, f"deciding {partitions}")

    def wait_for(self, condition: Callable[[], Any], timeout: float = 60.0, what: str = "") -> None:
        """Until `condition` holds; it may fail while the process is not listening."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                if condition():
                    return
            except (OSError, KeyError):
                pass
            assert self.process.poll() is None, (
                f"ended with {self.process.returncode} before {what}:\n{self.log()}"
            )
            assert time.monotonic() < deadline, f"not {what or 'so'} within {timeout} s:\n{self.log()}"
            time.sleep(0.05)

    def report(self) -> dict[str, Any]:
        """What /readyz says."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples of a metric with these labels; 0 when there are none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        total = 0.0
        for line in text.splitlines():
            match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if match and all(f'{k}="{v}"' in (match[1] or "") for k, v in labels.items()):
                total += float(match[2])
        return total

    def decided(self) -> int:
        """Records this process has decided."""
        return int(self.metric("natalog_registrar_records_total"))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def kept(self) -> int:
        """Entries that its state on disk holds, also while it runs: what is in its memory alone does not count."""
        with tempfile.TemporaryDirectory() as aside:
            options = Options(raw_mode=True)
            shelves = [f"p{partition}" for partition in range(12)]
            store = Rdict(
                str(self.data / "registrar"),
                options,
                dict.fromkeys(["default", *shelves], options),
                AccessType.secondary(aside),
            )
            found = [store.get_column_family(shelf).get(_POSITION) for shelf in shelves]
            store.close()
        return sum(int(Head.unpack(packed[_LAST.size :]).seq) for packed in found if packed is not None)

    def wait_kept(self, entries: int, timeout: float) -> None:
        """Until so many entries are on disk."""
        self.wait_for(lambda: self.kept() == entries, timeout, f"{entries} on disk")

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.wait_end(30)

    def wait_end(self, timeout: float) -> int:
        """Until it ends by itself; the exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.log()}") from None

    def is_stopped(self) -> bool:
        """Whether it was halted by SIGSTOP."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def wait_lingering(self, point: str) -> None:
        """Until it waits at a point of its loop (do="linger")."""
        self.wait_for(lambda: self.logged(f"lingers at {point}"), what=f"lingering at {point}")

    def go_on(self, point: str, once_fetched: str = "") -> None:
        """Let it go on from there, once one of its consumers has fetched something: "live 12", "bulk 1000"."""
        beside = self.data / "going"
        beside.write_text(once_fetched)
        beside.rename(self.data / f"go-{point}")

    def log(self) -> str:
        return "\n".join(self.log_path.read_text().splitlines()[-60:])

    def logged(self, message: str) -> bool:
        return self.times_logged(message) > 0

    def times_logged(self, message: str) -> int:
        return self.log_path.read_text().count(message)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()
