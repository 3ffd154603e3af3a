"""Where the commands that talk to a running Natalog find it: a local stack by its directory, else by settings."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natalog.exits import Exit

if TYPE_CHECKING:
    from confluent_kafka import KafkaException

    from natalog.cluster import Cluster
    from natalog.local.stackfile import StackFile

Kafka = Annotated[str | None, typer.Option(help="Bootstrap servers, host:port.")]
KafkaProperties = Annotated[
    Path | None,
    typer.Option(
        help="File with the client's security.protocol, sasl.* and ssl.* in librdkafka's words, one NAME=VALUE a line; "
        "or NATALOG_KAFKA_PROPERTIES."
    ),
]

_SIGNED_EVERY = 3600.0
"""Seconds after which a local stack's token is signed anew."""

Token = Callable[[str, str, str], str]
"""From role, org and sub to a bearer token that is good now; ask for each request, for tokens end.

One that was given in a file is returned whatever is asked for.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway and how to authenticate there."""

    gateway: str
    token: Token
    signs: bool
    """Whether tokens are signed here for any role and org, as only a local stack's key allows."""


def gateway_target(data: Path | None, gateway: str | None, token_file: Path | None) -> Target:
    """From options, then the local stack, then settings. Ends the command with a sentence when that fails."""
    from natalog.settings import load

    settings = load()
    address = gateway or settings.gateway
    file = token_file or settings.token_file
    if data is not None:
        stack = local_stack(data)
        address = address or stack.gateway
        if file is None:
            return Target(address.rstrip("/"), _signer(Path(stack.issuer_key)), signs=True)
    if not address:
        raise _wrong("Say where the gateway is: --data DIR for a local stack, or --gateway URL.")
    if not _is_address(address):
        raise _wrong(f"{address!r} is no gateway's address. One looks like http://127.0.0.1:8080.")
    if file is None:
        raise _wrong("A token is needed: --token-file FILE, or --data DIR for a local stack.")
    try:
        return Target(address.rstrip("/"), _reader(file), signs=False)
    except (OSError, ValueError) as error:
        raise _wrong(f"The token cannot be read: {error}.") from None


def _is_address(text: str) -> bool:
    import httpx

    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and url.host != ""


def kafka_target(data: Path | None, kafka: str | None, properties: Path | None) -> Cluster:
    """From options, then the local stack, which asks nobody who he is, then settings.

    Ends the command with a sentence when the client properties are wrong.
    """
    from natalog.cluster import Cluster, read_properties
    from natalog.settings import load

    settings = load()
    if properties is None and (data is None or kafka):
        properties = settings.kafka_properties
    bootstrap = kafka or (settings.kafka if data is None else local_stack(data).kafka)
    if properties is None:
        return Cluster(bootstrap)
    try:
        cluster = Cluster(bootstrap, read_properties(properties))
    except ValueError as error:
        raise _wrong(f"{properties}: {error}.") from None
    check(cluster, properties)
    return cluster


def check(cluster: Cluster, properties: Path) -> None:
    """End the command with a sentence when librdkafka does not take what stands in the file `properties`."""
    from natalog.kafka.clients import refusal

    if why := refusal(cluster):
        raise _wrong(f"{properties}: {why}.")


def unreachable(cluster: Cluster, error: KafkaException) -> typer.Exit:
    """Says why Kafka does not answer; raise what it returns."""
    from natalog.kafka.clients import denial

    why = denial(cluster) if cluster.security else ""
    typer.echo(f"Kafka at {cluster.bootstrap}: {why or error.args[0].str()}.", err=True)
    return typer.Exit(Exit.UNREACHABLE)


def local_stack(data: Path) -> StackFile:
    """The stack that runs on a directory. Ends the command with a sentence when none does."""
    from natalog.local import stackfile

    stack = stackfile.read(data)
    if stack is None:
        typer.echo(f"No stack runs on {data}: start it with `natalog up --data {data}`.", err=True)
        raise typer.Exit(Exit.UNREACHABLE)
    return stack


def _reader(file: Path) -> Token:
    """Reads the file for each token: whoever renews it puts a new one there. Raises OSError or ValueError when it never
    could."""
    latest = _token_in(file)

    def token(role: str, org: str, sub: str) -> str:
        nonlocal latest
        with suppress(OSError, ValueError):  # it is being replaced
            latest = _token_in(file)
        return latest

    return token


def _token_in(file: Path) -> str:
    token = file.read_bytes().removeprefix(codecs.BOM_UTF8).strip()
    if re.fullmatch(rb"[\x21-\x7e]+", token) is None:  # it would be shown by the client that refuses it
        raise ValueError(f"{file} holds no token, which is one word of ASCII as `natalog token` prints it")
    return token.decode()


def _signer(key: Path) -> Token:
    from functools import lru_cache

    from natalog.local.issuer import sign

    @lru_cache(1_000)
    def signed(role: str, org: str, sub: str, period: float) -> str:
        return sign(key, sub=sub, org=org, roles=[role], lifetime=int(3 * _SIGNED_EVERY))

    return lambda role, org, sub: signed(role, org, sub, time.monotonic() // _SIGNED_EVERY)


def _wrong(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(Exit.USAGE)
