"""What was backfilled, found without reading all filings."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Run the SQL beside this file, as it stands there."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(Path(__file__).with_name("0006_backfilled.sql").read_text(encoding="utf-8"))
