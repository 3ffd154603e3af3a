"""Exit codes of commands and services. `natalog COMMAND --help` names those a command uses."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a process says by ending.

    A supervisor restarts a service that ends with any code but `FENCED` and `REFUSED_TO_START`.
    """

    DONE = 0
    DIFFERS = 1
    """Something differs, was refused or could not be done; the output says what."""
    USAGE = 2
    """Wrong usage (set by the argument parser)."""
    ALREADY_RUNNING = 3
    """Another `natalog up` runs on this directory."""
    NOT_READY = 4
    """A service did not become ready."""
    UNREACHABLE = 5
    """Kafka or the gateway cannot be reached."""
    FENCED = 10
    """Another process with the same instance id took over: stays down, or the two would fence each other."""
    REFUSED_TO_START = 11
    """Starting would risk a wrong ledger (conflicting rule sets, a rolled-back broker): people must look."""
    FOREIGN_WRITER = 12
    """A record of somebody else stands on a ledger partition this registrar holds. A restart folds past it."""
    RESTART = 13
    """Kafka did not say what became of a transaction, or a client failed for good: a restart reads the ledger anew."""

    STORE_FAILED = 14
    """Its directory cannot be read or written (no space, too many open files, no right, a failing disk). Nothing there
    was emptied: a restart goes on with it once that is mended."""


STAY_DOWN = frozenset({Exit.FENCED, Exit.REFUSED_TO_START})
