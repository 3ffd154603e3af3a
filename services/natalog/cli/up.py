"""`natalog up`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.local.stackfile import StackFile


def up(
    data: Annotated[Path, typer.Option(help="Directory of the stack: ports, keys, logs, Kafka's data.")],
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Rule set to use instead of the newest built-in one."),
    ] = None,
    gateway_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the gateway; otherwise a free one.")
    ] = None,
    log_format: Annotated[
        Literal["auto", "json", "text"], typer.Option(help="auto: readable on a terminal, JSON otherwise.")
    ] = "auto",
) -> None:
    """Run the whole stack on this machine until Ctrl-C: Kafka, registrar, watch, gateway; where PostgreSQL is
    installed a cluster of its own and the projector, and Prometheus where it is.

    Ports are chosen free at the first start and kept. When all is ready DIR/stack.json says where:
    `gateway`, `postgres` and `prometheus` (URLs), `kafka` (host:port), `pids`, `issuer_key`; it is rewritten
    when a service is restarted and gone when the stack is down. Services write to DIR/logs. A service that
    dies is started again; one that was fenced stays down. SIGINT or SIGTERM stops everything that was started
    here, nothing else. A second start on the same DIR continues where the first stopped.

    Next: `natalog token --data DIR --role station --org 330106000000 --sub desk-1`.

    Exit codes: 0 stopped by a signal; 1 Java, Kafka or a port is missing (the message says what to do);
    2 wrong usage; 3 DIR is in use by another `natalog up`; 4 a service did not become ready.
    """
    from natalog import logs
    from natalog.local.kafka import KafkaUnavailable
    from natalog.local.lock import Held
    from natalog.local.stack import PortTaken
    from natalog.local.supervisor import NotReady
    from natalog.local.up import run
    from natalog.settings import load

    settings = load()
    if rules is not None:
        settings = settings.model_copy(update={"rules": rules.resolve()})
    logs.configure("up", level=settings.log_level, form=log_format)
    try:
        run(data, settings, gateway_port=gateway_port, announce=lambda stack: _announce(data, stack))
    except Held as other:
        typer.echo(f"{data} is in use by another `natalog up` (pid {other.pid}).", err=True)
        raise typer.Exit(Exit.ALREADY_RUNNING) from None
    except (KafkaUnavailable, PortTaken) as missing:
        typer.echo(str(missing), err=True)
        raise typer.Exit(Exit.DIFFERS) from None
    except NotReady as reason:
        typer.echo(f"Stopped: {reason}", err=True)
        raise typer.Exit(Exit.NOT_READY) from None


def _announce(data: Path, stack: StackFile) -> None:
    seen = f", Prometheus {stack.prometheus}" if stack.prometheus else ""
    where = f"gateway {stack.gateway}, Kafka {stack.kafka}{seen}; see {data / 'stack.json'}"
    typer.echo(f"Ready: {where}. Ctrl-C stops it.", err=True)
