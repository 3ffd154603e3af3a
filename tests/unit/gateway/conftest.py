"""What several tests of the gateway start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from natalog.local.issuer import create_keys


@pytest.fixture
def issuer(tmp_path: Path) -> Any:
    return create_keys(tmp_path)
