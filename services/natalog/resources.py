"""Where files that live at the top of the repository are found at run time.

`schemas/`, `topics.yaml` and parts of `deploy/` belong to the repository's top, for people. A built wheel
carries copies under natalog/_data (setup.py). This module knows the difference, so nobody else has to.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of a shipped file or directory, such as "topics.yaml" or "schemas".

    Raises FileNotFoundError when neither the package nor the checkout around it has it.
    """
    for base in (_PACKAGE / "_data", _PACKAGE.parent.parent):
        if (base / name).exists():
            return base / name
    raise FileNotFoundError(f"{name} is neither in the package nor in a checkout around it")


def checkout() -> Path | None:
    """Top of the checkout this package runs from, or None for an installed wheel."""
    top = _PACKAGE.parent.parent
    return top if (top / "pyproject.toml").is_file() and _PACKAGE.parent.name == "services" else None
