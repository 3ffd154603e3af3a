"""Structured logs: one JSON object a line, or a readable line on a terminal.

Fields go into `extra`: `log.info("batch committed", extra={"partition": 3, "records": 200})`. Never log
personal data, sealed payloads or tokens; the certificate number is the one identifier allowed (docs/adr).

Of an exception (`exc_info`) a line tells what kind it is and where it came about. Its text could repeat a record, so it
is told only where it cannot: of the operating system's, of Kafka's client's, and of a class that says `safe_to_log`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import types
from datetime import UTC, datetime
from typing import Any

import orjson

_DEEPEST = 8
"""Frames told of an exception, the innermost ones."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in vars(record).items() if k not in _STANDARD}


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _message(record: logging.LogRecord) -> str:
    if record.name != "asyncio":
        return record.getMessage()
    # Its messages show futures with their exceptions and callbacks with their arguments.
    return "an exception in the event loop" if record.exc_info else record.getMessage().split("\n")[0]


def _exception(record: logging.LogRecord) -> dict[str, Any] | None:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return None if error is None else without_text(error)


def without_text(error: BaseException) -> dict[str, Any]:
    """`{"error","at","detail"?,"of"?,"because"?}`: its type, file, line and function of its frames, the same of the
    exceptions in a group and of the one it arose from."""
    places = [
        f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    told: dict[str, Any] = {"error": type(error).__name__, "at": places[-_DEEPEST:]}
    if (
        isinstance(error, OSError)
        or type(error).__name__ == "KafkaException"
        or hasattr(error, "safe_to_log")
    ):
        told["detail"] = str(error)
    if isinstance(error, BaseExceptionGroup):
        told["of"] = [without_text(inner) for inner in error.exceptions]
    because = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if because is not None:
        told["because"] = without_text(because)
    return told


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
            "message": _message(record),
        }
        line.update(_fields(record))
        if (exception := _exception(record)) is not None:
            line["exception"] = exception
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
        line = f"{clock} {record.levelname:<7} {self._service:<10} {_message(record)}{fields}"
        exception = _exception(record)
        return line if exception is None else f"{line}\n  {exception}"


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
    sys.excepthook = _uncaught
    threading.excepthook = lambda end: _uncaught(end.exc_type, end.exc_value, end.exc_traceback)
    # A line for each request would bury the rest; a failed one is the caller's to report. Alembic lists its plugins.
    for library in ("httpx", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _uncaught(
    kind: type[BaseException], error: BaseException | None, trace: types.TracebackType | None
) -> None:
    """In place of Python's own, which print the text of what nobody caught."""
    if error is None or issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("natalog").critical("ended by an exception", exc_info=(kind, error, trace))
