"""Parameters of a call's address: only those it takes, each once.

One that is ignored answers another question than was asked: a misspelt `after` a view that may not have seen what the
caller sent, a misspelt `unit_code` for another unit.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

import orjson
from starlette.requests import Request

from natalog.gateway import openapi
from natalog.gateway.problems import Problem

_SHOWN: Final = re.compile(r"[A-Za-z_]{1,40}")


@cache
def taken(template: str) -> tuple[str, ...]:
    """Names of the parameters that the calls of an address take, as the OpenAPI document has them."""
    calls = orjson.loads(openapi.document())["paths"][template].values()
    names = (p["name"] for call in calls for p in call.get("parameters", ()) if p["in"] == "query")
    return tuple(dict.fromkeys(names))


def refuse_others(request: Request, template: str) -> None:
    """Raises Problem 400 for a parameter that the call does not take, or that is there twice."""
    if not request.scope["query_string"]:
        return
    names, seen = taken(template), set()
    for name, _ in request.query_params.multi_items():
        # A name can be anything somebody typed, personal data too: only a plain one is repeated.
        shown = name if _SHOWN.fullmatch(name) else "?"
        if name not in names:
            close = next(iter(get_close_matches(name.lower(), names, 1)), None)
            raise Problem(
                400,
                "bad-field",
                "This call has no such parameter.",
                field=shown,
                suggestion=f"Did you mean {close}?"
                if close
                else f"Leave it out; this call takes {', '.join(names) or 'none'}.",
            )
        if name in seen:
            raise Problem(
                400,
                "bad-field",
                "This parameter is there twice.",
                field=shown,
                suggestion="Send each parameter once.",
            )
        seen.add(name)
