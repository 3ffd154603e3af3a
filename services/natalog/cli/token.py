"""`natalog token`."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from natalog.exits import Exit


class Role(StrEnum):
    """Who may do what: DESIGN section 8."""

    STATION = "station"
    ADAPTER = "adapter"
    PREFECTURE_ADMIN = "prefecture_admin"
    PROVINCE_ADMIN = "province_admin"
    HEALTH_AUTHORITY = "health_authority"
    OPERATOR = "operator"
    AUDITOR = "auditor"


def token(
    data: Annotated[Path, typer.Option(help="Directory of the local stack.")],
    role: Annotated[list[Role], typer.Option(help="A role the bearer has; may be given several times.")],
    org: Annotated[str, typer.Option(help="Division (2, 4 or 6 digits) or police unit (12 digits).")],
    sub: Annotated[
        str, typer.Option(help="Who it is for: a person or an adapter. Two-person rules go by it.")
    ],
    lifetime: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = 12 * 3600,
) -> None:
    """Print a bearer token signed by the local stack's own key.

    The gateway of `natalog up --data DIR` accepts it:

        curl -H "Authorization: Bearer $(natalog token --data DIR --role station
             --org 330106000000 --sub desk-1)" ...

    Exit codes: 0 printed; 1 no stack was ever started on DIR; 2 wrong usage.
    """
    from natalog.local.issuer import keys_in, sign

    if not re.fullmatch(r"\d{2}|\d{4}|\d{6}|\d{12}", org):
        raise typer.BadParameter("2, 4 or 6 digits for a division, 12 for a unit", param_hint="--org")
    if not sub.strip():
        raise typer.BadParameter("must not be empty", param_hint="--sub")
    try:
        print(
            sign(keys_in(data).issuer, sub=sub, org=org, roles=list(dict.fromkeys(role)), lifetime=lifetime)
        )
    except FileNotFoundError:
        typer.echo(f"{data} has no issuer key: run `natalog up --data {data}` first.", err=True)
        raise typer.Exit(Exit.DIFFERS) from None
