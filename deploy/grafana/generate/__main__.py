"""Writes deploy/grafana/dashboards, or with --check says which files differ from what the code makes (exit code 1)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.generate import ministry, operations, province
from deploy.grafana.generate.panel import Panel, build
from deploy.grafana.generate.provinces import PROVINCES

OUT = Path(__file__).resolve().parent.parent / "dashboards"


def _choice() -> builders.CustomVariable:
    """Which province to look at, by the first two digits of its code."""
    names = {name: code[:2] for code, name in PROVINCES.items() if code.isdigit()}
    first = next(iter(names))
    return (
        builders.CustomVariable(province.VARIABLE)
        .label("Province 省份")
        .values(",".join(f"{name} : {code}" for name, code in names.items()))
        .current(models.VariableOption(selected=True, text=first, value=names[first]))
    )


def _dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Mapping[str, Sequence[Panel]],
    variables: Sequence[builders.CustomVariable] = (),
) -> str:
    made = (
        builders.Dashboard(title)
        .uid(f"natalog-{uid}")
        .description(description)
        .tags(["natalog"])
        .timezone("Asia/Shanghai")
        .refresh("30s")
        .time("now-6h", "now")
        .readonly()
    )
    for variable in variables:
        made = made.with_variable(variable)
    for row, panels in rows.items():
        made = made.with_row(builders.Row(row))
        for panel in panels:
            made = made.with_panel(build(panel))
    document = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for number, shown in enumerate(document["panels"], 1):
        shown["id"] = number
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def dashboards() -> dict[str, str]:
    """JSON by file name."""
    return {
        "ministry.json": _dashboard(
            "ministry",
            "Natalog Ministry 部级",
            "Filing discipline, doubtful cases, integrity.",
            ministry.ROWS,
        ),
        "province.json": _dashboard(
            "province", "Natalog Province 省级", "Whom to call, and what is open.", province.ROWS, [_choice()]
        ),
        "operations.json": _dashboard(
            "operations", "Natalog Operations 运维", "Lag, latency, throughput, processes.", operations.ROWS
        ),
    }


def main(arguments: list[str]) -> int:
    """Exit code."""
    made = dashboards()
    stale = {path.name for path in OUT.glob("*.json")} - made.keys()
    if arguments == ["--check"]:
        wrong = [n for n, text in made.items() if not (OUT / n).is_file() or (OUT / n).read_text() != text]
        for name in sorted([*wrong, *stale]):
            print(f"{OUT / name} is not what the code makes: run python -m deploy.grafana.generate")
        return 1 if wrong or stale else 0
    OUT.mkdir(exist_ok=True)
    for name, text in made.items():
        (OUT / name).write_text(text, encoding="utf-8")
    for name in stale:
        (OUT / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
