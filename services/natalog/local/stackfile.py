"""`DIR/stack.json`: where a running local stack is to be found. There while it runs, and only then."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from natalog.local.lock import holder

NAME = "stack.json"


@dataclass(frozen=True, slots=True)
class StackFile:
    """What stands in stack.json.

    `gateway`, `postgres` and `prometheus` are URLs, `kafka` is host:port, `issuer_key` the path of the key
    that signs local tokens. What does not run is None here and absent in the file.
    """

    gateway: str
    kafka: str
    issuer_key: str
    pids: dict[str, int] = field(default_factory=dict)
    postgres: str | None = None
    prometheus: str | None = None

    def write(self, directory: Path) -> None:
        """Replace DIR/stack.json in one step, so no reader sees half of it."""
        content = {k: v for k, v in asdict(self).items() if v is not None}
        draft = directory / f".{NAME}.{os.getpid()}"
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        draft.chmod(0o600)  # PostgreSQL's URL carries its password
        draft.replace(directory / NAME)


def read(directory: Path) -> StackFile | None:
    """The stack that runs on a directory, or None when none is ready there.

    A file left by an `up` that was killed counts as none. Fields of later versions are ignored.
    """
    if holder(directory) is None:
        return None
    try:
        content = json.loads((directory / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    known = {k: v for k, v in content.items() if k in StackFile.__dataclass_fields__}
    return StackFile(**known)


def remove(directory: Path) -> None:
    """Take stack.json away; nothing happens when it is not there."""
    (directory / NAME).unlink(missing_ok=True)
