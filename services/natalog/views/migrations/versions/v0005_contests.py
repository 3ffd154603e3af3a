"""Contests: opened, and decided by people."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Run the SQL beside this file, as it stands there."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(Path(__file__).with_name("0005_contests.sql").read_text(encoding="utf-8"))
