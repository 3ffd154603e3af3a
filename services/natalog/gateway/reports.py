"""Heartbeats and daily counts of edge agents: taken, not judged, so they never touch the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from natalog.decision.divisions import contains
from natalog.gateway.auth import Caller
from natalog.gateway.intake_producer import IntakeProducer, QueueFull, TooLarge
from natalog.gateway.problems import Problem
from natalog.gateway.roles import Call
from natalog.gateway.submission import PARTITIONS, today
from natalog.wire.encoder import encode
from natalog.wire.errors import BadField
from natalog.wire.json_form import from_json
from natalog.wire.partition import partition_of

TOPIC: Final = "edge.reports"
KINDS: Final[dict[str, str]] = {"heartbeats": "heartbeat", "daily-counts": "daily-count"}
"""Last part of the address to kind."""
_RECORDED_WITHIN: Final = 5.0  # seconds


async def report(producer: IntakeProducer, kind: str, content: Any, caller: Caller) -> str:
    """Record one report; returns its event id once it stands on the topic.

    Raises Problem 400, 403, or 503 when it is not known to be recorded: send it again.
    """
    caller.require(Call(kind))
    if not isinstance(content, Mapping):
        raise Problem(400, "bad-json", "This is not a JSON object. Send one for each record.")
    try:
        record: Any = from_json(kind, content, caller.principal)
    except BadField as bad:
        raise Problem(
            400, "bad-field", bad.problem, field=bad.field or None, suggestion=bad.suggestion
        ) from None
    if not contains(caller.principal.org, record.unit_code, today()):
        raise Problem(
            403,
            "scope",
            "The unit_code is not within the org of the token.",
            field="unit_code",
            suggestion="Send records of your own units only.",
        )
    loop = asyncio.get_running_loop()
    written: asyncio.Future[int | None] = loop.create_future()

    def settle(offset: int | None) -> None:
        if not written.done():
            written.set_result(offset)

    def delivered(offset: int | None) -> None:
        loop.call_soon_threadsafe(settle, offset)

    key = record.unit_code.encode()
    try:
        producer.send(
            TOPIC,
            partition_of(key, PARTITIONS[TOPIC]),
            key,
            encode(record),
            delivered,
        )
        async with asyncio.timeout(_RECORDED_WITHIN):
            if await written is None:
                raise TimeoutError
    except (QueueFull, TooLarge, TimeoutError):
        raise Problem(
            503, "kafka-away", "The report may not be recorded. Send it again.", retry_after=5
        ) from None
    return str(record.event_id)
