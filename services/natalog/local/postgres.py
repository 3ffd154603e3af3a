"""A PostgreSQL cluster of the stack's own in DIR/postgres, from Debian's binaries; loopback alone.

PostgreSQL refuses to run as root: then it runs as the user `postgres`. That user may not pass through directories that
are closed to others (a home, what mkdtemp makes); so it keeps the one capability of reading past them, and nobody's
directory is opened for it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from natalog.local.ports import LOOPBACK

USER = "natalog"
DATABASE = "natalog"
_OTHER_USER = "postgres"
_DAC_READ_SEARCH = 2


class PostgresFailed(Exception):
    """The cluster could not be made; the text says why."""


def find_binaries() -> Path | None:
    """Directory of the newest PostgreSQL's programs, None where there is none that could be run."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[4]) if path.parts[4].isdigit() else 0,
    )
    binaries = found[-1].parent if found else None
    if binaries is None and (alone := shutil.which("postgres")):
        binaries = Path(alone).resolve().parent
    if binaries is None or not (binaries / "initdb").is_file():
        return None
    if os.geteuid() == 0 and (shutil.which("setpriv") is None or not _has_user()):
        return None
    return binaries


@dataclass(frozen=True, slots=True)
class PostgresNode:
    """One cluster: its directory, port and programs."""

    directory: Path
    port: int
    binaries: Path

    @property
    def url(self) -> str:
        """Where clients find it, password included: whoever may read the file of the password may read this."""
        return f"postgresql://{USER}:{self._password()}@{LOOPBACK}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Make the cluster if there is none. Raises PostgresFailed."""
        data = self.directory / "data"
        if (data / "PG_VERSION").is_file() and (self.directory / "made").is_file():
            return
        shutil.rmtree(data, ignore_errors=True)  # what an interrupted first start left
        data.mkdir(parents=True)
        password = self.directory / "initial"
        password.write_text(self._password(), encoding="utf-8")
        password.chmod(0o600)
        if os.geteuid() == 0:
            for place in (self.directory, data, password):
                shutil.chown(place, _OTHER_USER, _OTHER_USER)
        made = subprocess.run(
            [
                *_as_other_user(),
                str(self.binaries / "initdb"),
                *("-D", str(data), "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        password.unlink()
        if made.returncode:
            raise PostgresFailed(f"initdb failed: {made.stderr.strip()}")
        (self.directory / "made").touch()

    def command(self) -> list[str]:
        """What runs it in the foreground. SIGINT stops it at once, SIGTERM waits for its clients."""
        options = {
            "port": self.port,
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": 50,
            "shared_buffers": "512MB",
            "wal_buffers": "32MB",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            # After each checkpoint the first change of a page writes all of it: seldom, then.
            "checkpoint_timeout": "15min",
            "max_wal_size": "4GB",
            # An error must not write records into the log.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [
            *_as_other_user(),
            str(self.binaries / "postgres"),
            "-D",
            str(self.directory / "data"),
            *settings,
        ]

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._administer().close()
        except psycopg.Error:
            return False
        return True

    def settle(self) -> None:
        """Make the database if it is not there. Raises psycopg.Error."""
        with self._administer() as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _administer(self) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=USER,
            password=self._password(),
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _password(self) -> str:
        path = self.directory.with_suffix(".password")
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
            return path.read_text(encoding="utf-8")


def _as_other_user() -> Sequence[str]:
    if os.geteuid() != 0:
        return ()
    keep: tuple[str, ...] = ()
    if _may_keep(_DAC_READ_SEARCH):
        keep = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return (
        *("setpriv", f"--reuid={_OTHER_USER}", f"--regid={_OTHER_USER}", "--init-groups", "--pdeathsig=KILL"),
        *keep,
    )


def _may_keep(capability: int) -> bool:
    """Whether this process has a capability to give (capabilities(7)); in a container it may not."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def _has_user() -> bool:
    try:
        pwd.getpwnam(_OTHER_USER)
    except KeyError:
        return False
    return True
