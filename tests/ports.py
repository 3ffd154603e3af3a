"""Ports for what tests start.

Asked for any free port, the kernel may give two workers the same one, for what will listen on it takes a second to
start; and while a service that was killed is down, its port may become somebody's outgoing connection's. So each worker
hands out ports of a stretch of its own, below those that the kernel gives, and none again before all others.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

from natalog.local.ports import is_free
from natalog.local.stack import PORTS

_FIRST, _EACH = 10_000, 2_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Another run beside this one begins elsewhere.
_places = itertools.cycle((os.getpid() * 61 + place) % _EACH for place in range(_EACH))


def free_port() -> int:
    """One that nobody listens on."""
    return next(port for place in _places if is_free(port := _FIRST + _WORKER * _EACH + place))


def keep_ports(data: Path) -> None:
    """Give the stack of a directory its ports, as if it had chosen them before."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "ports.json").write_text(json.dumps({name: free_port() for name in PORTS}))
