"""The OpenAPI document against a real gateway: its examples are answered as they say, and a fuzzer finds nothing."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from natalog.gateway import examples, openapi
from natalog.gateway.examples import Example
from tests.integration.gateway.stack import Stack, ask, eventually, patiently, running
from tests.kafka_broker import Broker

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def stack(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A replica that is not stale before a minute: for the fuzzer, a 503 is a fault."""
    with running(broker, tmp_path_factory.mktemp("gateway-stack"), gateway_stale_seconds=60.0) as stack:
        yield stack


DOCUMENT: dict[str, Any] = orjson.loads(openapi.document())
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
# What differs from day to day; all else in an answer is as the example says.
_VOLATILE = {"received_at", "delay_ms", "claim_expires_at", "listed_at", "check_id", "staleness_ms", "as_of", "ledger",
             "first", "seq"}  # fmt: skip


def moved(value: Any, by: timedelta) -> Any:
    """Times of a request, moved from the examples' day to this one."""
    if isinstance(value, dict):
        return {k: moved(v, by) for k, v in value.items()}
    if isinstance(value, str) and _TIME.fullmatch(value) and value[-6] in "+-":
        return (datetime.fromisoformat(value) + by).isoformat()
    return value


def play(stack: Stack, example: Example, by: timedelta) -> httpx.Response:
    sent = (example.body, example.raw, example.lines)
    headers = {"Content-Type": example.media} if any(value is not None for value in sent) else {}
    if example.role is not None:
        token = stack.token(example.role, example.org, example.sub) if example.role else "none"
        headers["Authorization"] = f"Bearer {token}"
    headers["Prefer"] = (
        "wait=30"  # a busy machine may take longer than the five seconds a gateway waits by itself
    )
    if example.zh:
        headers["Accept-Language"] = "zh"
    content = None
    if example.raw is not None:
        fill = re.fullmatch(r"FILL (\d+)", example.raw)
        content = b" " * int(fill[1]) if fill else example.raw.encode()
    elif example.lines is not None:
        content = examples.ndjson([moved(line, by) for line in example.lines]).encode()
    elif example.body is not None:
        content = orjson.dumps(moved(example.body, by))
    method = example.call.split(" ")[0]
    send = partial(stack.client.request, method, example.address, content=content, headers=headers)
    return send() if example.status == 503 else patiently(send)


def stable(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {k: stable(v) for k, v in answer.items() if k not in _VOLATILE}
    return [stable(v) for v in answer] if isinstance(answer, list) else answer


def _range_is_decided(stack: Stack) -> bool:
    ranged = next(e for e in examples.examples() if e.name == "decided")
    return bool(
        stack.client.get(ranged.address, headers=stack.headers(ranged.role, ranged.org)).json().get("decided")
        == 50
    )


def _successor_is_known(stack: Stack) -> bool:
    asked = next(e for e in examples.examples() if e.name == "SUCCEEDS_USED").body["certificate_number"]
    status = ask(stack, f"certificates/{asked}").json()
    return bool(status["warnings"] == ["SUCCESSION"])


def _late_claim_is_decided(stack: Stack) -> bool:
    late = next(e for e in examples.examples() if e.name == "not_yet")
    return stack.get(f"submissions/{late.body['event_id']}").status_code == 200


SETTLED = {
    "decided": _range_is_decided,
    "SUCCEEDS_USED": _successor_is_known,
    "CLAIMED": _late_claim_is_decided,
}
"""What an example waits for that follows from one before it, but not at once."""


def test_every_example_is_answered_as_it_says(stack: Stack) -> None:
    """Played in order. An example without an answer gets it, and fails this once."""
    found, differing = [], []
    by = datetime.now(UTC) - datetime.fromisoformat(
        examples.NOW
    )  # one for all, or a repeat would be no repeat
    for example in examples.examples():
        if example.name in SETTLED:
            eventually(partial(SETTLED[example.name], stack), 30)
        reply = play(stack, example, by)
        answer = (
            reply.json() if example.lines is None else [orjson.loads(a) for a in reply.content.splitlines()]
        )
        found.append(answer)
        if reply.status_code != example.status or stable(answer) != stable(example.answer):
            differing.append((example.name, reply.status_code, answer, example.answer))
    if any(example.answer is None for example in examples.examples()):
        written = orjson.loads(examples.FILE.read_bytes())
        for fields, answer in zip(written, found, strict=True):
            fields["answer"] = answer if fields["answer"] is None else fields["answer"]
        examples.FILE.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2) + b"\n")
    assert not differing, "\n".join(map(str, differing))


_ROLE = {"blacklist-changes": ("prefecture_admin", "330100"), "invalidations": ("health_authority", "330100"),
         "range": ("prefecture_admin", "330100"), "blacklist": ("prefecture_admin", "330100"),
         "heartbeats": ("adapter", "330106"), "daily-counts": ("adapter", "330106")}  # fmt: skip
# Beside what schemathesis takes for an answer: whether a number is malformed, or a body too large, no schema tells.
_REFUSED = ["401", "403", "404", "408", "413", "422", "429", "431", "5xx"]
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            "negative_data_rejection": {"expected-statuses": ["400", "405", "415", *_REFUSED]},
        }
    }
)


def without_streams(document: dict[str, Any]) -> dict[str, Any]:
    """The document without NDJSON bodies, whose lines are the same records: a stream answers 200 whatever is in it."""
    document = copy.deepcopy(document)
    for path in document["paths"].values():
        for call in path.values():
            if isinstance(call, dict) and "requestBody" in call:
                call["requestBody"]["content"].pop("application/x-ndjson", None)
    return document


schema = schemathesis.openapi.from_dict(without_streams(DOCUMENT), config=CONFIG)


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_a_fuzzer_finds_nothing(case: schemathesis.Case, stack: Stack) -> None:
    name = case.operation.definition.raw.get("operationId", "")
    role, org = _ROLE.get(name, ("station", "330106"))
    asked = set(case.query or {})
    known = {p["name"] for p in case.operation.definition.raw.get("parameters", ()) if p["in"] == "query"}
    # Of two fields that exclude or replace each other no schema of a record tells.
    unchecked = [positive_data_acceptance]
    if asked - known:  # let be, since what stands between may add some
        unchecked.append(negative_data_rejection)
    if "after" in asked:  # a token of the future is a 503, as it should be
        unchecked.append(not_a_server_error)
    case.call_and_validate(
        base_url=stack.gateway.url, headers=stack.headers(role, org), excluded_checks=unchecked, timeout=60
    )
