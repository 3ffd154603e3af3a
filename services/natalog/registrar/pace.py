"""How often the loop does what need not be done in every round."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between chores, and records folded per turn."""

    flush: float = 30.0
    most_unflushed: int = 150_000
    """Records after which state is written to disk whatever the time: a new process folds what was not, in some 1 s."""
    watch: float = 2.0
    vouch: float = 3600.0
    """Kafka forgets what a group has committed of topics it does not subscribe to, all but the lead topic, after
    `offsets.retention.minutes` (seven days), also while it lives: so it is committed again."""
    idle_wait: float = 0.05
    fold_while_deciding: int = 300
    fold_otherwise: int = 5_000
    backlog: int = 500
    """Records in a batch from which on more are taken as waiting: the next batch is decided during the flight."""
