"""Free ports on the loopback address, kept in a file so that a second start uses the same ones."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from pathlib import Path

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether this process could listen on the port now."""
    with socket.socket() as probe:
        # As the servers do: a connection in TIME_WAIT left by the last run does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str], kept: dict[str, int]) -> dict[str, int]:
    """A free port for each name: the kept one where it is free, else a new one.

    All new ports are held open until the last is chosen, so no two names get the same.
    """
    wanted = list(names)
    chosen = {name: kept[name] for name in wanted if name in kept and is_free(kept[name])}
    probes: list[socket.socket] = []
    try:
        for name in wanted:
            if name in chosen:
                continue
            probe = socket.socket()
            probes.append(probe)
            probe.bind((LOOPBACK, 0))
            while probe.getsockname()[1] in chosen.values():
                probe = socket.socket()
                probes.append(probe)
                probe.bind((LOOPBACK, 0))
            chosen[name] = int(probe.getsockname()[1])
    finally:
        for probe in probes:
            probe.close()
    return chosen


def load(path: Path) -> dict[str, int]:
    """Ports kept by the last run; empty when there was none or the file is damaged."""
    try:
        kept = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(k): v for k, v in kept.items() if isinstance(v, int)} if isinstance(kept, dict) else {}
