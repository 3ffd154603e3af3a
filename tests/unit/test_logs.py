"""A log line is one JSON object, whatever stands in its fields, and tells what went wrong."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from natalog.logs import JsonLines


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


def test_an_exception_is_told_whole() -> None:
    try:
        raise KeyError("no such partition")
    except KeyError:
        assert "test_logs.py" in line(exc_info=sys.exc_info())["exception"]
