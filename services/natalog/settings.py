"""The only reader of the environment.

Every setting is `NATALOG_` + the field's name in capitals: `NATALOG_KAFKA=127.0.0.1:9092`. A service calls
`load()` once in its main and hands values on; nothing else reads `os.environ`. `natalog up` sets these for
its children; in production a unit file or a pod does, with the same names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from natalog.cluster import Cluster, read_properties

POSTGRES_URL = "postgresql://user:password@host:port/database"
"""What a database's address looks like."""


class Settings(BaseSettings):
    """Settings of all services; each takes the fields it needs."""

    model_config = SettingsConfigDict(env_prefix="NATALOG_", extra="ignore", frozen=True)

    kafka: str = Field(default="127.0.0.1:9092", description="bootstrap servers, host:port[,host:port…]")
    kafka_properties: Path | None = Field(
        default=None,
        description="file of client properties in librdkafka's words, one NAME=VALUE a line: security.protocol, sasl.* "
        "and ssl.* alone; unset: plain text, as nobody",
    )
    data: Path = Field(
        default=Path("data"),
        description="directory of this service's own state; can be rebuilt but for its `rules`",
    )
    instance: str = Field(default="", description="group.instance.id; empty: host name and service")
    replication: int = Field(
        default=3, ge=1, description="replication factor `topics apply` demands; 1 on one machine"
    )

    gateway_host: str = Field(default="127.0.0.1", description="address the gateway listens on")
    gateway_port: int = Field(default=8080, ge=0, le=65535, description="port the gateway listens on")
    registrar_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="/metrics of the registrar; 0: off"
    )
    registrar_group: str = Field(
        default="registrar",
        min_length=1,
        description="consumer group of all registrars of a ledger; gateways ask what it has committed",
    )
    registrar_session_ms: int = Field(
        default=10_000,
        ge=1_000,
        description="milliseconds until the group gives a silent registrar's share away",
    )
    registrar_transaction_ms: int = Field(
        default=10_000, ge=1_000, description="milliseconds until the broker aborts an unfinished transaction"
    )
    registrar_batch: int = Field(default=8_000, ge=20, description="most intake records in one transaction")
    registrar_accept_sender_times: bool = Field(
        default=False,
        description="decide intake records by their sender's time where the broker stamped none; only to get past "
        "those that came in while a topic was set to CreateTime",
    )
    registrar_cache_mib: int = Field(
        default=64, ge=1, description="block cache of the registrar's state, MiB"
    )
    postgres: str = Field(
        default="",
        description=f"URL of the projection's database, {POSTGRES_URL}",
    )
    projector_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="/metrics of the projector; 0: off"
    )
    metrics_host: str = Field(default="127.0.0.1", description="address /metrics and /readyz listen on")

    watch_group: str = Field(
        default="watch", min_length=1, description="consumer group of all watches of a cluster"
    )
    watch_metrics_port: int = Field(default=0, ge=0, le=65535, description="/metrics of the watch; 0: off")
    watch_grace_seconds: float = Field(
        default=2.0,
        ge=0,
        description="seconds after a filing's due time until the watch tells of it; more than brokers' clocks differ",
    )
    watch_remember_seconds: float = Field(
        default=600.0,
        ge=0,
        description="seconds the watch remembers a filed registration, so that its completion may come late; "
        "a restart reads as much again",
    )
    watch_session_ms: int = Field(
        default=10_000, ge=1_000, description="milliseconds until the group gives a silent watch's share away"
    )

    gateway: str = Field(default="", description="gateway's URL for `natalog submit` and `status`")
    token_file: Path | None = Field(default=None, description="file with the bearer token these commands use")

    gateway_wait: float = Field(
        default=5.0, ge=0, description="seconds a submission waits for its verdict before it answers 202"
    )
    gateway_queue: int = Field(
        default=50_000, ge=1, description="records the gateway holds for Kafka before it answers 503"
    )
    gateway_bulk_in_flight: int = Field(
        default=6_000,
        ge=100,
        description="records of all streams and ranges on their way at a time; what a desk may find before it",
    )
    gateway_rate: float = Field(
        default=500.0,
        ge=0,
        description="requests a second one caller (`sub`) may make, twice that at once; 0: any",
    )
    gateway_streams: int = Field(
        default=16, ge=0, description="NDJSON bodies and ranges one caller may have under way; 0: any number"
    )
    gateway_caller_mib: int = Field(
        default=64,
        ge=0,
        description="MiB that bodies of one caller's single records may hold while they are still coming; 0: any",
    )
    gateway_body_bytes: int = Field(
        default=400_000, ge=1_000, description="bytes of one record or line; the largest record needs 350,000"
    )
    gateway_stream_mib: int = Field(
        default=4_096, ge=1, description="MiB of one NDJSON body, inflated; beyond it the rest is refused"
    )
    gateway_spill_mib: int = Field(
        default=1_024,
        ge=1,
        description="MiB on disk for answers that the client of one stream has not fetched",
    )
    gateway_body_seconds: float = Field(
        default=30.0,
        gt=0,
        description="seconds for the body of one record, and between two pieces of a stream",
    )
    gateway_sample_seconds: float = Field(
        default=0.25, gt=0, description="seconds between two looks at the ends of ledger and intake"
    )
    gateway_stale_seconds: float = Field(
        default=10.0, gt=0, description="age of the replica from which status queries answer 503, UNKNOWN"
    )

    jwks_url: str = Field(default="", description="JWKS address, used when `jwks` is not set")
    token_issuer: str = Field(default="", description="`iss` bearer tokens must have; empty: any")
    token_leeway: float = Field(
        default=10.0, ge=0, description="seconds by which the issuer's clock may differ from the gateway's"
    )
    jwks_reload_seconds: float = Field(
        default=2.0,
        gt=0,
        description="seconds at least between two reads of the JWKS for a key it did not have",
    )
    token_audience: str = Field(default="", description="`aud` bearer tokens must have; empty: any")
    jwks: Path | None = Field(default=None, description="JWKS file whose keys may sign bearer tokens")
    seal_key: Path | None = Field(default=None, description="32-byte key file that seals unreadable records")
    rules: Path | None = Field(
        default=None, description="rule-set file (JSON) used instead of the newest built-in set"
    )
    rules_kept: Path | None = Field(
        default=None,
        description="directory that keeps every rule set decided under: not to be lost; default: `rules` in `data`",
    )

    kafka_libs: Path | None = Field(
        default=None, description="directory with Kafka's jars (local stack only)"
    )
    kafka_heap: int = Field(default=1024, ge=128, description="Kafka's heap in MiB (local stack only)")
    java: str = Field(default="java", description="java command (local stack only)")
    prometheus: str = Field(
        default="prometheus", description="prometheus command, used where it is there (local stack only)"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"

    @field_validator("kafka_properties")
    @classmethod
    def _can_be_read(cls, file: Path | None) -> Path | None:
        if file is not None:
            read_properties(file)
        return file

    @property
    def cluster(self) -> Cluster:
        """Kafka, and as whom. Reads the file each time: no secret is kept here, where `environment` would write it."""
        file = self.kafka_properties
        return Cluster(self.kafka, {} if file is None else read_properties(file))


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` written into it, for a child that will `load()` them."""
    written = {
        f"NATALOG_{name.upper()}": str(value)
        for name, value in settings.model_dump().items()
        if value is not None
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NATALOG_")}
    return {**inherited, **written}


def load() -> Settings:
    """Settings from the environment.

    Ends the process with exit code 2 and one line for each wrong setting: only a main calls this.
    """
    try:
        return Settings()
    except ValidationError as error:
        for wrong in error.errors():
            name = "_".join(str(part) for part in wrong["loc"]).upper()
            sys.stderr.write(
                f"NATALOG_{name}={wrong['input']}: {wrong['msg'].removeprefix('Value error, ')}\n"
            )
        raise SystemExit(2) from None
