"""Prometheus beside the stack, when the machine has one (Debian: apt-get install prometheus).

It runs deploy/prometheus as it is, rules included, scraping more often; only the addresses are the stack's own. Every
start writes them anew, since ports may change.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from natalog.local.ports import LOOPBACK
from natalog.resources import resource

SCRAPE_EVERY = "5s"
KEPT = "31d"
"""The filing SLO looks back 30 days."""


@dataclass(frozen=True, slots=True)
class PrometheusNode:
    """One Prometheus in a directory of its own. `targets` are addresses (host:port) by job."""

    directory: Path
    port: int
    program: str
    targets: Mapping[str, str]

    def command(self) -> tuple[str, ...]:
        """The command line; run it after `prepare`."""
        return (
            self.program,
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--storage.tsdb.retention.time={KEPT}",
            f"--web.listen-address={LOOPBACK}:{self.port}",
            "--log.level=warn",
        )

    def prepare(self) -> None:
        """Write configuration, rules and targets."""
        source = resource("deploy/prometheus")
        targets = self.directory / "targets"
        targets.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.directory / "rules", ignore_errors=True)
        shutil.copytree(source / "rules", self.directory / "rules")
        config = yaml.safe_load((source / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"]["scrape_interval"] = SCRAPE_EVERY
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        for job in (job["job_name"] for job in config["scrape_configs"]):
            address = self.targets.get(job)
            listed = [] if address is None else [{"targets": [address]}]
            (targets / f"{job}.json").write_text(json.dumps(listed), encoding="utf-8")


def find_prometheus(configured: str) -> str | None:
    """Path of the prometheus command, or None: the stack then runs without it."""
    return shutil.which(configured) if configured else None
