"""An application behind uvicorn as the gateway runs it, on a free port of a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def serving(app: Any, http: Any, **settings: Any) -> Iterator[uvicorn.Server]:
    """A server with connections of class `http`, stopped at the end."""
    config = uvicorn.Config(
        app, port=0, loop="uvloop", http=http, ws="none", lifespan="off", log_config=None, **settings
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(10)
