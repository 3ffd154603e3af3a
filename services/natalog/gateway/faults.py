"""Exceptions as they may be logged: what kind and where, never their text, which could repeat what was sent."""

from __future__ import annotations

import logging
from typing import Any, Final

_DEEPEST: Final = 8
"""Frames told, the innermost ones."""


def without_text(error: BaseException) -> dict[str, Any]:
    """Log fields of an exception: its type, and file, line and function of its frames."""
    places, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    told: dict[str, Any] = {"error": type(error).__name__, "at": places[-_DEEPEST:]}
    if isinstance(error, BaseExceptionGroup):
        told["of"] = [without_text(inner) for inner in error.exceptions]
    return told


class WithoutText(logging.Filter):
    """Takes the text of exceptions out of other libraries' log records (uvicorn, asyncio)."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is not None:
            vars(record).update(without_text(error))
            record.exc_info = record.exc_text = None
        return True
