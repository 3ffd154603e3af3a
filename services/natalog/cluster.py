"""Which Kafka, and as whom: bootstrap servers and the properties that authenticate a client, as one value.

The properties stand in a file of librdkafka's words (NATALOG_KAFKA_PROPERTIES), never on a command line or in the
environment, where other users of a machine and its logs would see them. Only how to connect belongs there: what else
librdkafka could be told has been measured, and is set in kafka/clients.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_NAME = re.compile(r"[a-z]+(\.[a-z]+)+")
_OURS = re.compile(r"security\.protocol|(sasl|ssl)\..+")
_ELSEWHERE = {
    "bootstrap.servers": "brokers are named by NATALOG_KAFKA or --kafka",
    "sasl.jaas.config": "that is Java's; write sasl.username and sasl.password",
    "ssl.truststore.location": "that is Java's; write ssl.ca.location, a PEM file",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a client connects, and how it proves who it is."""

    bootstrap: str
    """host:port[,host:port…]"""
    security: Mapping[str, str] = field(default_factory=dict, repr=False)
    """librdkafka's `security.protocol`, `sasl.*` and `ssl.*`; empty: plain text, as nobody. Holds secrets."""


def read_properties(file: Path) -> dict[str, str]:
    """Client properties, one NAME=VALUE a line; lines that begin with # are comments.

    Raises ValueError naming the line and what to do about it, and never a value: it may be a secret.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(f"line {number}: write NAME=VALUE, as in security.protocol=SASL_SSL")
        if name in _ELSEWHERE:
            raise ValueError(f"line {number}: {name} does not belong here: {_ELSEWHERE[name]}")
        if not _OURS.fullmatch(name):
            raise ValueError(
                f"line {number}: {name} does not belong here: take it out; only security.protocol, sasl.* and ssl.* do"
            )
        if name in found:
            raise ValueError(f"line {number}: {name} stands there twice: take one out")
        found[name] = value
    return found
