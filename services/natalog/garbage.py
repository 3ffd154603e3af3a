"""How often Python looks for cycles, in services that keep much and make few."""

from __future__ import annotations

import gc


def seldom() -> None:
    """What lives now lives for ever; and records come and go by the thousand without a cycle worth a look every 700
    allocations (the default)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
