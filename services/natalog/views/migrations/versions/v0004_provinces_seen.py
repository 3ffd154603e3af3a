"""Whose province a login is of, whatever its search_path."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Run the SQL beside this file, as it stands there."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(Path(__file__).with_name("0004_provinces_seen.sql").read_text(encoding="utf-8"))
