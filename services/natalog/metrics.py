"""Every metric, declared once, with what it means and its unit."""

from __future__ import annotations
