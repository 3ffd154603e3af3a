"""Structured logs: one JSON object a line, or a readable line on a terminal.

Fields go into `extra`: `log.info("batch committed", extra={"partition": 3, "records": 200})`. Never log
personal data, sealed payloads or tokens; the certificate number is the one identifier allowed (docs/adr).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in vars(record).items() if k not in _STANDARD}


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class JsonLines(logging.Formatter):
    """`{"time","level","service","logger","message",…fields,"exception"?}`; time in UTC, milliseconds."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(_fields(record))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except orjson.JSONEncodeError:  # half a surrogate pair, an integer beyond 64 bits
            return json.dumps(line, default=str)


class Readable(logging.Formatter):
    """`18:02:11.042 WARNING registrar  partition halted  partition=3 offset=17`, in local time."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        clock = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f"  {k}={v}" for k, v in _fields(record).items())
        line = f"{clock} {record.levelname:<7} {self._service:<10} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(service: str, *, level: str = "INFO", form: str = "auto") -> None:
    """Send every log of this process to standard error.

    `form` is "json", "text" or "auto" (readable on a terminal, JSON otherwise).
    """
    if form == "auto":
        form = "text" if sys.stderr.isatty() else "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Readable(service) if form == "text" else JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # No form shows the line of code, thread or process, and looking for them takes half the time of a line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # A line for each request would bury the rest; a failed one is the caller's to report.
    logging.getLogger("httpx").setLevel(logging.WARNING)
