"""A registrar and a gateway as processes of their own, and a client with tokens for anybody."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson

from natalog.local.issuer import create_keys, sign
from natalog.local.tether import tethered
from natalog.settings import environment, load
from tests.kafka_broker import Broker
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
UNIT = "330106520000"
OTHER_UNIT = "330106530000"
_serial = itertools.count(int(time.time() * 10) % 5_000_000)


def number() -> str:
    """A certificate number no other test of this session has."""
    return f"X33{next(_serial):07d}"


def moment(**ago: float) -> str:
    """A time that long ago, RFC 3339."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def claim(certificate: str, **more: Any) -> dict[str, Any]:
    return {"event_id": str(uuid.uuid4()), "certificate_number": certificate, "unit_code": UNIT, **more}


def filing(certificate: str | None, **more: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "certificate_number": certificate,
        "unit_code": UNIT,
        "registration_id": uuid.uuid4().hex,
        "registered_at": moment(minutes=1),
        "household_kind": "FAMILY",
        "relation_to_head": "20",
        "follows": "BOTH",
        "birth_date": "2025-10-01",
        "parents_married": True,
        "gate": "check",
        **more,
    }


class Service:
    """One service in the foreground of `natalog run`."""

    def __init__(self, name: str, variables: dict[str, str], url: str, log: Path) -> None:
        self.name = name
        self.url = url
        self._variables = variables
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(
                tethered([sys.executable, "-m", "natalog", "run", self.name]),
                env=self._variables,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self, timeout: float = 90.0) -> None:
        eventually(
            lambda: httpx.get(f"{self.url}/readyz", trust_env=False, timeout=30).status_code == 200,
            timeout,
            self.log,
        )

    def give(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None

    def log(self) -> str:
        return self._log.read_text(errors="replace")


class Stack:
    """Both services on one broker."""

    def __init__(self, bootstrap: str, directory: Path, **settings: Any) -> None:
        self.bootstrap = bootstrap
        self.directory = directory
        self.keys = create_keys(directory)
        ports = {name: free_port() for name in ("gateway", "registrar")}
        self._base = base = load().model_copy(
            update={
                "kafka": bootstrap,
                "jwks": self.keys.jwks,
                "seal_key": self.keys.seal,
                "gateway_port": ports["gateway"],
                "registrar_metrics_port": ports["registrar"],
                "registrar_group": f"registrar-{uuid.uuid4().hex[:8]}",
                "log_format": "json",
                **settings,
            }
        )
        self.registrar = self._service("registrar", base, f"http://127.0.0.1:{ports['registrar']}")
        self.gateway = self._service("gateway", base, f"http://127.0.0.1:{ports['gateway']}")
        self.client = httpx.Client(base_url=self.gateway.url, trust_env=False, timeout=60)

    def _service(self, name: str, base: Any, url: str) -> Service:
        own = self.directory / name
        own.mkdir(parents=True, exist_ok=True)
        settings = base.model_copy(
            update={"data": own, "instance": f"{base.registrar_group}-{name}", **self._own_settings(name)}
        )
        variables = environment(settings) | {"PYTHONPATH": str(ROOT / "services")}
        return Service(name, variables, url, self.directory / f"{name}.log")

    def _own_settings(self, name: str) -> dict[str, Any]:
        """Settings of one service alone."""
        return {}

    def another_gateway(self, clock_off: int = 0) -> Service:
        """A second gateway beside the first, with a directory of its own. Whoever asks for it starts and ends it.

        `clock_off`: seconds by which its own clock, `time.time`, is ahead of the machine's.
        """
        port = free_port()
        base = self._base.model_copy(update={"gateway_port": port})
        own = self.directory / f"second{clock_off or ''}"
        own.mkdir(parents=True, exist_ok=True)
        (own / "sitecustomize.py").write_text(
            f"import time\nreal = time.time\ntime.time = lambda: real() + {clock_off}\n"
        )
        variables = environment(base.model_copy(update={"data": own})) | {
            "PYTHONPATH": f"{own}:{ROOT / 'services'}"
        }
        return Service("gateway", variables, f"http://127.0.0.1:{port}", self.directory / "second.log")

    def start(self) -> Stack:
        for service in (self.registrar, self.gateway):
            service.start()
        for service in (self.registrar, self.gateway):
            service.wait_ready()
        return self

    def close(self) -> None:
        self.client.close()
        for service in (self.gateway, self.registrar):
            if service.process is not None:
                service.end(signal.SIGKILL)

    def token(self, role: str = "station", org: str = UNIT, sub: str = "desk-1", lifetime: int = 3600) -> str:
        return sign(self.keys.issuer, sub=sub, org=org, roles=[role], lifetime=lifetime)

    def headers(self, role: str = "station", org: str = UNIT, sub: str = "desk-1") -> dict[str, str]:
        """With more patience than a gateway has by itself, unless the address says otherwise (`?wait=`): a busy machine
        may take longer than the five seconds after which a submission is answered 202."""
        return {"Authorization": f"Bearer {self.token(role, org, sub)}", "Prefer": "wait=30"}

    def post(
        self,
        path: str,
        record: object,
        role: str = "station",
        org: str = UNIT,
        sub: str = "desk-1",
        **more: Any,
    ) -> httpx.Response:
        url, headers = f"/v1/{path}", self.headers(role, org, sub)
        try:
            return self.client.post(url, json=record, headers=headers, **more)
        except httpx.RemoteProtocolError as error:
            # Seen once, cause unknown. Sent again as a client would, if the gateway still lives.
            ended = self.gateway.process is not None and self.gateway.process.poll()
            if ended is not None:
                raise AssertionError(
                    f"the gateway ended with {ended}: {self.gateway.log()[-3000:]}"
                ) from error
            warnings.warn(f"{error!r}: sent again\n{self.gateway.log()[-1000:]}", stacklevel=2)
            return self.client.post(url, json=record, headers=headers, **more)

    def lines(
        self, path: str, records: Iterable[object], role: str = "station", org: str = UNIT, **more: Any
    ) -> list[Any]:
        """Post NDJSON; records that are bytes go as they are."""
        body = b"\n".join(r if isinstance(r, bytes) else orjson.dumps(r) for r in records)
        headers = {**self.headers(role, org), "Content-Type": "application/x-ndjson"}
        reply = self.client.post(f"/v1/{path}", content=body, headers=headers, **more)
        assert reply.status_code == 200, reply.text
        return [orjson.loads(line) for line in reply.content.splitlines()]

    def get(self, path: str, role: str = "station", org: str = UNIT, **params: str) -> httpx.Response:
        return self.client.get(f"/v1/{path}", headers=self.headers(role, org), params=params)


def patiently(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer once it is no 503: a replica that gets no time for three seconds is stale here, and says so."""
    deadline = time.monotonic() + 30
    while (reply := ask()).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.2)
    return reply


def ask(stack: Stack, path: str, role: str = "station", org: str = UNIT, **params: str) -> httpx.Response:
    """The answer to a status query once it is no 503."""
    return patiently(lambda: stack.get(path, role, org, **params))


def check(stack: Stack, certificates: list[str]) -> httpx.Response:
    """The same of many numbers at once."""
    return patiently(lambda: stack.post("certificates/check", {"certificate_numbers": certificates}))


def eventually(
    condition: Callable[[], bool], timeout: float = 60.0, describe: Callable[[], str] = lambda: ""
) -> None:
    """Until `condition` holds; a transport error counts as not yet."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, describe()
        time.sleep(0.1)


@contextmanager
def running(broker: Broker, directory: Path, *, gateway_stale_seconds: float) -> Iterator[Stack]:
    """A stack on a broker that has the topics."""
    stack = Stack(broker.bootstrap, directory, gateway_stale_seconds=gateway_stale_seconds)
    try:
        yield stack.start()
    finally:
        stack.close()
