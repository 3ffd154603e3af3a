"""`natalog run projector` as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx

from natalog.local.tether import tethered
from natalog.settings import environment, load
from tests import waiting
from tests.golden.scenes import SHORT_RULES
from tests.ports import free_port


class Projector:
    """Start, kill and stop it; its log is below `directory`. `rules` is what the operator's file says."""

    def __init__(self, bootstrap: str, url: str, directory: Path, rules: str | None = SHORT_RULES) -> None:
        self.port = free_port()
        self.log = directory / "projector.log"
        file = None
        if rules is not None:
            file = directory / f"rules-{self.port}.json"
            file.write_text(rules)
        self._settings = load().model_copy(
            update={
                "kafka": bootstrap,
                "postgres": url,
                "projector_metrics_port": self.port,
                "rules_kept": directory / "rules",
                "rules": file,
            }
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self.process is None
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                tethered([sys.executable, "-m", "natalog", "run", "projector"]),
                env=environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def rebuild(self) -> subprocess.CompletedProcess[str]:
        settings = self._settings.model_copy(update={"projector_metrics_port": 0})
        return subprocess.run(
            [sys.executable, "-m", "natalog", "run", "projector", "--rebuild"],
            env=environment(settings),
            capture_output=True,
            text=True,
            timeout=200,
        )

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(60)

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False, timeout=30).text

    def metric(self, line: str) -> float | None:
        """Value of a sample, None when it is not there."""
        try:
            for found in self.metrics().splitlines():
                if found.startswith(line + " "):
                    return float(found.rpartition(" ")[2])
        except httpx.HTTPError:
            return None
        return None

    def logged(self) -> str:
        return self.log.read_text(errors="replace")


until = partial(waiting.until, within=90)
