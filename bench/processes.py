"""The two programs that are compared, and what the kernel says of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from natalog.local.ports import choose
from natalog.local.tether import tethered
from natalog.resources import resource
from natalog.settings import environment, load

STREAMS = Path(__file__).parent / "streams"
_TICKS = os.sysconf("SC_CLK_TCK")
JVM_FLAGS = ("-server", "-Xms1g", "-Xmx1g", "-XX:+UseSerialGC")
"""The fastest of Serial, Parallel and G1 for this program on two cores (docs/benchmarks.md)."""


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process (VmHWM: its peak), MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


class Registrar:
    """`natalog run registrar`, as it ships. Started again it goes on with the same directory and instance."""

    group = "registrar"

    def __init__(
        self, bootstrap: str, directory: Path, *, command: tuple[str, ...] = (), **settings: Any
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        key = directory / "seal.key"
        key.write_bytes(bytes(range(32)))
        self._command = command or (sys.executable, "-m", "natalog", "run", "registrar")
        self._directory = directory
        self.port = choose(("metrics",), {})["metrics"]
        self._settings = load().model_copy(
            update={
                "kafka": bootstrap,
                "data": directory / "data",
                "instance": "bench-registrar",
                "seal_key": key,
                "registrar_metrics_port": self.port,
                "log_format": "json",
                **settings,
            }
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id while it runs."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it; returns at once."""
        with (self._directory / "registrar.log").open("ab") as out:
            self.process = subprocess.Popen(
                tethered(self._command),
                env=environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self, timeout: float = 120) -> None:
        """Until it decides every partition."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                    if json.load(answer)["ready"]:
                        return
            except (OSError, urllib.error.URLError):
                pass
            if self.has_ended() or time.monotonic() > deadline:
                raise RuntimeError("the registrar is not ready:\n" + self.log())
            time.sleep(0.05)

    def stages(self) -> dict[str, float]:
        """Seconds of wall time by stage of its loop, as its /metrics count them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        name = "natalog_registrar_stage_seconds_total{stage="
        return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)}

    def stop(self) -> None:
        """SIGTERM."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.process is None or self.process.poll() is not None

    def log(self) -> str:
        """The last lines it logged."""
        return "\n".join((self._directory / "registrar.log").read_text(errors="replace").splitlines()[-30:])


def build_peer(log: Path) -> subprocess.Popen[bytes] | None:
    """Start to build the Kafka Streams program, if its sources are newer than what is there."""
    jar = STREAMS / "target" / "streams-peer.jar"
    sources = [STREAMS / "pom.xml", *STREAMS.glob("src/**/*.java")]
    if jar.is_file() and jar.stat().st_mtime > max(s.stat().st_mtime for s in sources):
        return None
    if shutil.which("mvn") is None:
        raise RuntimeError("Maven is missing: run `scripts/setup bench`")
    shutil.rmtree(STREAMS / "target", ignore_errors=True)
    with log.open("wb") as out:
        return subprocess.Popen(
            [
                *(
                    "mvn",
                    "-q",
                    "-B",
                    "-f",
                    str(STREAMS / "pom.xml"),
                    "package",
                    "dependency:copy-dependencies",
                ),
                *("-DincludeScope=runtime", f"-DoutputDirectory={STREAMS / 'target' / 'libs'}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )


class Peer:
    """The Kafka Streams program. It stays alive while paused, so that its compiled code stays warm."""

    def __init__(
        self,
        bootstrap: str,
        directory: Path,
        *,
        application: str,
        output: str,
        commit_ms: int,
        linger_ms: int,
        offsets: str = "earliest",
        threads: int = 1,
        codec: str = "slice",
        flags: tuple[str, ...] = JVM_FLAGS,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.group = application
        self._log = directory / f"{application}.log"
        arguments = {
            "bootstrap": bootstrap,
            "application": application,
            "output": output,
            "state": directory / f"{application}-state",
            "schemas": resource("schemas"),
            "codec": codec,
            "threads": threads,
            "commit": commit_ms,
            "linger": linger_ms,
            "offsets": offsets,
        }
        command = [
            load().java,
            *flags,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            f"{STREAMS}/target/streams-peer.jar:{STREAMS}/target/libs/*",
            "natalog.bench.Main",
            *(f"{name}={value}" for name, value in arguments.items()),
        ]
        with self._log.open("wb") as errors:
            self.process = subprocess.Popen(
                tethered(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def wait_ready(self) -> None:
        """Until all its tasks run."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "READY":
            raise RuntimeError("the Kafka Streams program does not start:\n" + self.log())

    def pause(self) -> None:
        """Stop processing; stay in the group."""
        self._say("pause")

    def resume(self) -> None:
        """Go on."""
        self._say("resume")

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.process.poll() is not None

    def log(self) -> str:
        """What it wrote to standard error, the end of it."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])

    def _say(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
