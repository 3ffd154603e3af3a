"""How many overdue registrations and contests of numbers are open, counted in the tables now and then."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

import psycopg

from natalog.views.database import connect
from natalog.views.ledger_metrics import show_open

log = logging.getLogger(__name__)

EVERY: Final = 10.0
"""Seconds between two counts, and at most a tenth of the time is spent on them."""

_OVERDUE: Final = """
    SELECT coalesce(province, ''), count(*) FROM obligations
    WHERE closed_seq IS NULL AND overdue_seq IS NOT NULL GROUP BY 1
"""
_CONTESTED: Final = """
    SELECT coalesce(province, ''), count(*) FROM contests WHERE closed_seq IS NULL GROUP BY 1
"""


class OpenCases:
    """Counts on a thread of its own; `look` only asks whether it is time."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema
        self._next = 0.0
        self._counting: threading.Thread | None = None

    def look(self) -> None:
        """Begin to count if it is time and no count is under way. Never waits."""
        now = time.monotonic()
        if now >= self._next and (self._counting is None or not self._counting.is_alive()):
            self._counting = threading.Thread(target=self._count, name="open-cases", daemon=True)
            self._next = now + EVERY
            self._counting.start()

    def _count(self) -> None:
        began = time.monotonic()
        try:
            with connect(self._dsn, self._schema, application="natalog-open-cases") as connection:
                overdue: dict[str, int] = dict(connection.execute(_OVERDUE).fetchall())
                contested: dict[str, int] = dict(connection.execute(_CONTESTED).fetchall())
        except psycopg.Error as error:
            log.warning("open cases not counted", extra={"sqlstate": error.sqlstate})
            return
        show_open(overdue, contested)
        took = time.monotonic() - began
        self._next = max(self._next, time.monotonic() + 9 * took)
