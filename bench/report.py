"""What is measured against what is wanted (issues: Registrar; The front door), as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

Figures = dict[str, Any]
Say = Callable[[str], None]

_TARGETS: tuple[tuple[str, str, float, bool], ...] = (
    ("registrar_vs_kafka_streams_cpu", "decisions per client CPU-second ÷ Kafka Streams", 1.8, True),
    ("registrar_vs_kafka_streams_wall", "decisions per second of wall clock ÷ Kafka Streams", 1.3, True),
    ("latency_vs_kafka_streams", "submit→verdict p50, Kafka Streams (commit 10 ms) ÷ registrar", 1.5, True),
    ("latency_100_p50_ms", "submit→verdict p50 at 100/s, ms", 6, False),
    ("latency_100_p99_ms", "submit→verdict p99 at 100/s, ms", 40, False),
    ("latency_1000_p50_ms", "submit→verdict p50 at 1,000/s, ms", 8, False),
    ("latency_1000_p99_ms", "submit→verdict p99 at 1,000/s, ms", 60, False),
    ("live_p99_ms", "live p99 during a full-speed backfill, ms", 150, False),
    ("kill_to_decision_s", "kill -9 to next decision, s", 3, False),
    ("http_verdict_100_p50_ms", "submit→verdict over HTTP p50 at 100/s, ms", 8, False),
    ("http_verdict_100_p99_ms", "submit→verdict over HTTP p99 at 100/s, ms", 40, False),
    ("http_verdict_1000_p99_ms", "submit→verdict over HTTP p99 at 1,000/s, ms", 80, False),
    ("ndjson_per_second", "NDJSON filings a second, one gateway process", 20_000, True),
    ("registrar_rss_mib", "registrar memory, MiB", 400, False),
    ("status_query_per_second", "status queries per second, recorded", 3_000, True),
    ("status_vs_plain_per_cpu_second", "the same per CPU-second of the server ÷ the plain way", 4, True),
    (
        "status_vs_plain_per_cpu_second_all",
        "the same with Kafka's or PostgreSQL's CPU ÷ the plain way",
        4,
        True,
    ),
    ("view_rebuild_per_second", "entries a second folded into the status view, one thread", 300_000, True),
    ("view_bitmap_mb_per_million", "bitmaps, MB per million numbers", 0.13, False),
    ("gateway_restart_s", "gateway ready after a restart, s", 3, False),
)
"""Key, what it is, target, whether more is better."""

_SHOWN: tuple[tuple[str, str], ...] = (
    ("plain_query_per_second", "the plain way with the same duties, queries per second"),
    ("status_vs_plain_per_second", "status queries per second ÷ the plain way"),
    ("status_query_half_load_p99_ms", "status query p99 at half load, ms"),
    ("plain_query_half_load_p99_ms", "the plain way's p99 at its half load, ms"),
    ("gateway_rebuild_per_second", "entries a second from the gateway's start to ready, Kafka included"),
)
"""Key and what it is, of figures that have no target."""


def show(console: Console, figures: Figures) -> None:
    """The table."""
    table = Table(title=f"{figures.get('state_numbers', 0):,} numbers in state")
    for column in ("figure", "measured", "target", ""):
        table.add_column(column, justify="right" if column in ("measured", "target") else "left")
    for key, label, target, more in _TARGETS:
        if key not in figures:
            continue
        value = float(figures[key])
        met = value >= target if more else value <= target
        sign = "≥" if more else "≤"
        table.add_row(label, f"{value:g}", f"{sign} {target:g}", "[green]met" if met else "[red]missed")
    for key, label in _SHOWN:
        if key in figures:
            table.add_row(label, f"{float(figures[key]):g}", "", "")
    console.print(table)


def write(figures: Figures, out: Callable[[str], object] = print) -> None:
    """One JSON object on a line of its own."""
    out(json.dumps(figures, sort_keys=True))
