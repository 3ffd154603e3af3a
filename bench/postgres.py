"""A PostgreSQL of its own on a free port, as an unprivileged user (it refuses to run as root)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from natalog.local.ports import choose
from natalog.local.postgres import find_binaries


class Postgres:
    """As initdb sets it up, except for the port, that it listens on this machine alone, and `fsync`."""

    def __init__(self, directory: Path, *, fsync: bool = True) -> None:
        binaries = find_binaries()
        if binaries is None:
            raise RuntimeError("PostgreSQL is missing: run `scripts/setup`")
        self.port = choose(("postgres",), {})["postgres"]
        data = directory / "data"
        data.mkdir(parents=True)
        self._as: list[str] = []
        if os.geteuid() == 0:
            self._as = [
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--init-groups",
                "--pdeathsig=KILL",
            ]
            for place in (directory, data):
                shutil.chown(place, "postgres", "postgres")
            for above in directory.parents:
                if above.stat().st_mode & 0o1 == 0 and above != Path("/"):
                    above.chmod(above.stat().st_mode | 0o011)  # mkdtemp's 700 shuts it out
        self._run(binaries / "initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync", "-E", "UTF8")
        log = (directory / "postgres.log").open("ab")
        self.process = subprocess.Popen(
            [
                *self._as,
                str(binaries / "postgres"),
                *("-D", str(data), "-p", str(self.port), "-k", str(data)),
                *("-c", "listen_addresses=127.0.0.1"),
                *(() if fsync else ("-c", "fsync=off")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
        )
        self.dsn = f"postgresql://bench@127.0.0.1:{self.port}/postgres"
        deadline = time.monotonic() + 30
        while (
            subprocess.run(
                [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
            ).returncode
            != 0
        ):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((directory / "postgres.log").read_text(errors="replace"))
            time.sleep(0.05)

    def _run(self, *command: object) -> None:
        done = subprocess.run(
            [*self._as, *map(str, command)], capture_output=True, text=True, cwd="/", check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        return cpu_seconds(self.process.pid)

    def close(self) -> None:
        """Stop it."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cpu_seconds(postmaster: int) -> float:
    """User and system time of a server's processes that live, so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if postmaster in (int(fields[1]), int(stat.parent.name)):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
