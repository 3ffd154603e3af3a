"""A log line is one JSON object, whatever stands in its fields, and tells what went wrong."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from natalog.ledger.rocks import StoreFailed
from natalog.local.kafka import KafkaUnavailable
from natalog.logs import JsonLines, Readable
from natalog.wire.errors import Unreadable


def line(**fields: Any) -> dict[str, Any]:
    record = logging.makeLogRecord(
        {"name": "natalog.x", "levelname": "INFO", "msg": "出生 %s", "args": ("!",), **fields}
    )
    text = JsonLines("gateway").format(record)
    assert "\n" not in text
    told: dict[str, Any] = json.loads(text)
    assert (told["message"], told["service"], told["logger"], told["level"]) == (
        "出生 !",
        "gateway",
        "natalog.x",
        "info",
    )
    return told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, 7),
        ("a\nb", "a\nb"),
        ({1: (2, None)}, {"1": [2, None]}),
        (Path("/data"), "/data"),
        (2**70, 2**70),
        ("half a pair \ud800", "half a pair \ud800"),
        (b"\xff", "b'\\xff'"),
    ],
)
def test_any_field_can_be_told(value: Any, told: Any) -> None:
    assert line(field=value)["field"] == told


SECRET = "欧阳小宝"


def raised(error: BaseException, cause: BaseException | None = None) -> Any:
    try:
        raise error from cause
    except BaseException:
        return sys.exc_info()


@pytest.mark.parametrize("form", [JsonLines("gateway"), Readable("gateway")])
@pytest.mark.parametrize("logger", ["natalog.x", "uvicorn.error", "asyncio"])
@pytest.mark.parametrize(
    "info",
    [
        raised(ValueError(SECRET)),
        raised(KeyError(SECRET), TypeError(SECRET)),
        raised(ExceptionGroup(SECRET, [KeyError(SECRET), TypeError(SECRET)])),
    ],
)
def test_an_exception_is_told_without_its_text(form: logging.Formatter, logger: str, info: Any) -> None:
    # asyncio's own message shows the future with its exception, or a callback with what it was given.
    message = f"Exception in callback f({SECRET})\nfuture: <{SECRET}>" if logger == "asyncio" else "failed"
    text = form.format(logging.makeLogRecord({"name": logger, "msg": message, "exc_info": info}))
    assert SECRET not in text
    assert SECRET.encode("unicode_escape").decode() not in text
    assert info[0].__name__ in text
    assert "test_logs.py" in text
    assert info[0] is ValueError or "TypeError" in text


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (Unreadable("a number takes more than 5 bytes"), "a number takes more than 5 bytes"),
        (StoreFailed("IO error: /d/12.sst: File too large"), "IO error: /d/12.sst: File too large"),
        (KafkaUnavailable("install Java"), "install Java"),
    ],
)
def test_what_cannot_repeat_a_record_is_told(error: Exception, detail: str) -> None:
    assert line(exc_info=raised(error))["exception"]["detail"] == detail


@pytest.mark.parametrize(
    "where", ["raise KeyError(s)", "t = threading.Thread(target={}.pop, args=(s,)); t.start(); t.join()"]
)
def test_what_nobody_catches_is_told_without_its_text(where: str) -> None:
    program = (
        f"import sys, threading; from natalog.logs import configure; configure('x'); s = sys.argv[1]; {where}"
    )
    ended = subprocess.run([sys.executable, "-c", program, "OuyangXiaobao"], capture_output=True, text=True)
    assert "KeyError" in ended.stderr
    assert "OuyangXiaobao" not in ended.stderr
    assert ended.returncode == (1 if where.startswith("raise") else 0)
