"""The only reader of the environment.

Every setting is `NATALOG_` + the field's name in capitals: `NATALOG_KAFKA=127.0.0.1:9092`. A service calls
`load()` once in its main and hands values on; nothing else reads `os.environ`. `natalog up` sets these for
its children; in production a unit file or a pod does, with the same names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of all services; each takes the fields it needs."""

    model_config = SettingsConfigDict(env_prefix="NATALOG_", extra="ignore", frozen=True)

    kafka: str = Field(default="127.0.0.1:9092", description="bootstrap servers, host:port[,host:port…]")
    data: Path = Field(
        default=Path("data"), description="directory of this service's own state; can be rebuilt"
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
    metrics_host: str = Field(default="127.0.0.1", description="address /metrics and /readyz listen on")

    jwks: Path | None = Field(default=None, description="JWKS file whose keys may sign bearer tokens")
    seal_key: Path | None = Field(default=None, description="32-byte key file that seals unreadable records")
    rules: Path | None = Field(
        default=None, description="rule-set file (JSON) used instead of the newest built-in set"
    )

    kafka_libs: Path | None = Field(
        default=None, description="directory with Kafka's jars (local stack only)"
    )
    kafka_heap: int = Field(default=1024, ge=128, description="Kafka's heap in MiB (local stack only)")
    java: str = Field(default="java", description="java command (local stack only)")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"


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
    """Settings from the environment. Raises pydantic.ValidationError naming what is wrong."""
    return Settings()
