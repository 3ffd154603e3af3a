"""Threads the gateway cannot do without: when one dies, the process ends and its supervisor starts it anew.

A thread that dies alone would leave a gateway that looks alive and answers nothing.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from natalog.exits import Exit
from natalog.ledger.rocks import StoreFailed

log = logging.getLogger(__name__)


def vital_thread(target: Callable[[], None], name: str) -> threading.Thread:
    """A daemon thread that ends the process if `target` raises: with Exit.STORE_FAILED if that is a StoreFailed, else
    with Exit.RESTART. Not started yet."""

    def run() -> None:
        try:
            target()
        except BaseException as error:
            log.critical("a vital thread died: the process ends", extra={"part": name}, exc_info=True)
            logging.shutdown()
            os._exit(Exit.STORE_FAILED if isinstance(error, StoreFailed) else Exit.RESTART)

    return threading.Thread(target=run, name=name, daemon=True)
