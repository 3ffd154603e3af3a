"""The table of services that `natalog up` runs, and what each needs.

To add a service (watch, notary, Prometheus): a port name in `PORTS` if it listens, a
function that makes its `Service`, a line in `services()`, and its address in `StackFile` if others use it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from pathlib import Path

import httpx

from natalog.kafka.topics import apply_topics
from natalog.ledger.rules import KEPT
from natalog.local import ports
from natalog.local.issuer import Keys, create_keys
from natalog.local.kafka import KafkaNode, find_java, find_libs
from natalog.local.ports import LOOPBACK
from natalog.local.postgres import PostgresFailed, PostgresNode, find_binaries
from natalog.local.prometheus import PrometheusNode, find_prometheus
from natalog.local.stackfile import StackFile
from natalog.local.supervisor import Service
from natalog.settings import Settings, environment

log = logging.getLogger(__name__)

PORTS = (
    "kafka",
    "controller",
    "gateway",
    "registrar_metrics",
    "watch_metrics",
    "postgres",
    "projector_metrics",
    "prometheus",
)
SCRAPED = {
    "registrar": "registrar_metrics",
    "gateway": "gateway",
    "projector": "projector_metrics",
    "watch": "watch_metrics",
}
"""Port of each service's /metrics, by its name, which is the job's in deploy/prometheus too."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One data directory, its ports and keys, and the settings its services share."""

    directory: Path
    ports: dict[str, int]
    keys: Keys
    settings: Settings
    node: KafkaNode
    prometheus: str | None = None
    """The program; None where the machine has none."""
    postgres: PostgresNode | None = None
    """None where PostgreSQL's programs are missing: the stack runs without, and without the projector."""

    @classmethod
    def prepare(cls, directory: Path, base: Settings, *, gateway_port: int | None = None) -> Stack:
        """Choose ports, make keys and PostgreSQL's cluster; starts nothing. The caller holds the directory's lock.

        Raises KafkaUnavailable when Java or Kafka's jars are missing.
        """
        libs, java = find_libs(base.kafka_libs), find_java(base.java)
        chosen = _ports(directory / "ports.json", gateway_port)
        keys = create_keys(directory)
        node = KafkaNode(
            directory=directory / "kafka",
            port=chosen["kafka"],
            controller_port=chosen["controller"],
            libs=libs,
            java=java,
            heap=base.kafka_heap,
        )
        postgres = _postgres(directory, chosen["postgres"])
        settings = base.model_copy(
            update={
                "kafka": node.bootstrap,
                "kafka_properties": None,
                "replication": 1,
                "gateway_host": LOOPBACK,
                "gateway_port": chosen["gateway"],
                "registrar_metrics_port": chosen["registrar_metrics"],
                "projector_metrics_port": chosen["projector_metrics"],
                "postgres": postgres.url if postgres else "",
                "watch_metrics_port": chosen["watch_metrics"],
                "metrics_host": LOOPBACK,
                "jwks": keys.jwks,
                "seal_key": keys.seal,
                "rules_kept": directory / KEPT,
            }
        )
        return cls(
            directory=directory,
            ports=chosen,
            keys=keys,
            settings=settings,
            node=node,
            postgres=postgres,
            prometheus=find_prometheus(base.prometheus),
        )

    def services(self) -> tuple[Service, ...]:
        """In starting order; stopped in the reverse."""
        services = (
            self._kafka(),
            self._natalog("registrar", ready=f"http://{LOOPBACK}:{self.ports['registrar_metrics']}/readyz"),
            self._natalog("watch", ready=f"http://{LOOPBACK}:{self.ports['watch_metrics']}/readyz"),
            self._natalog("gateway", ready=f"{self.gateway}/readyz"),
            *self._projection(),
        )
        return (*services, *self._prometheus({service.name for service in services}))

    @property
    def gateway(self) -> str:
        """URL of the gateway."""
        return f"http://{LOOPBACK}:{self.ports['gateway']}"

    def describe(self, pids: dict[str, int]) -> StackFile:
        """What stack.json says when these processes run."""
        return StackFile(
            gateway=self.gateway,
            kafka=self.node.bootstrap,
            issuer_key=str(self.keys.issuer),
            pids=pids,
            prometheus=self._address("prometheus") if self.prometheus else None,
            postgres=self.postgres.url if self.postgres else None,
        )

    def _kafka(self) -> Service:
        bootstrap = self.node.bootstrap

        async def ready() -> bool:
            return await asyncio.to_thread(self.node.is_ready)

        def settled() -> None:
            apply_topics(bootstrap)

        return Service(
            name="kafka",
            command=self.node.command(),
            ready=ready,
            prepare=self.node.prepare,
            settled=settled,
            stop_within=30.0,
        )

    def _prometheus(self, running: Set[str]) -> tuple[Service, ...]:
        """It watches those of `running` that it knows."""
        if self.prometheus is None:
            return ()
        node = PrometheusNode(
            directory=self.directory / "prometheus",
            port=self.ports["prometheus"],
            program=self.prometheus,
            targets={job: f"{LOOPBACK}:{self.ports[SCRAPED[job]]}" for job in SCRAPED.keys() & running},
        )
        ready = _answers(f"{self._address('prometheus')}/-/ready")
        return (Service(name="prometheus", command=node.command(), prepare=node.prepare, ready=ready),)

    def _address(self, port: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[port]}"

    def _projection(self) -> tuple[Service, ...]:
        node = self.postgres
        if node is None:
            return ()

        async def ready() -> bool:
            return await asyncio.to_thread(node.answers)

        postgres = Service(
            name="postgres",
            command=node.command(),
            ready=ready,
            settled=node.settle,
            stop_signal=signal.SIGINT,  # SIGTERM would wait until every client has gone
        )
        url = f"http://{LOOPBACK}:{self.ports['projector_metrics']}/readyz"
        return postgres, self._natalog("projector", ready=url, needs=("kafka", "postgres"))

    def _natalog(self, name: str, *, ready: str, needs: tuple[str, ...] = ("kafka",)) -> Service:
        own = self.directory / name
        own.mkdir(exist_ok=True)
        settings = self.settings.model_copy(update={"data": own, "instance": f"{name}-1"})
        return Service(
            name=name,
            command=(sys.executable, "-m", "natalog", "run", name),
            environment=environment(settings),
            ready=_answers(ready),
            needs=needs,
        )


def _postgres(directory: Path, port: int) -> PostgresNode | None:
    """Its cluster, made if need be; None where that cannot be, since all else works without."""
    binaries = find_binaries()
    if binaries is None:
        log.warning("PostgreSQL is not here: going on without it and without the projector")
        return None
    node = PostgresNode(directory=directory / "postgres", port=port, binaries=binaries)
    try:
        node.prepare()
    except PostgresFailed as reason:
        log.warning("going on without PostgreSQL and the projector", extra={"reason": str(reason)})
        return None
    return node


def _ports(path: Path, gateway_port: int | None) -> dict[str, int]:
    kept = ports.load(path)
    if gateway_port is not None:
        kept["gateway"] = gateway_port
    chosen = ports.choose(PORTS, kept)
    if gateway_port is not None and chosen["gateway"] != gateway_port:
        raise PortTaken(f"port {gateway_port} is taken: leave --gateway-port out, or name another")
    path.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")
    return chosen


class PortTaken(Exception):
    """A port that was asked for is in use."""


def _answers(url: str) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        try:
            # trust_env=False: a proxy set for the outside world has no business with the loopback address.
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return ready
