"""Claims, and what became of them."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Run the SQL beside this file, as it stands there."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(Path(__file__).with_name("0003_claims.sql").read_text(encoding="utf-8"))
