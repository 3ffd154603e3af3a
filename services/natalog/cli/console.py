"""Where commands print tables."""

from __future__ import annotations

from rich.console import Console

WIDTH = 160
"""Columns of a file or a pipe, which have none of their own: rich would cut names off after 80."""


def output(*, width: int = WIDTH) -> Console:
    """Standard output: as wide as the terminal, or `width` columns where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=width)
