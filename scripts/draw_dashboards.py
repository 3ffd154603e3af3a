"""Draws the dashboards from their own JSON and a running stack's real data, without a Grafana: docs/pictures/*.png.

    uv run --group pictures python scripts/draw_dashboards.py --data DIR [--province 33] [--out docs/pictures]

DIR is that of a running `natalog demo` or `natalog up`. Chinese needs a font that has it (Debian: fonts-wqy-zenhei).
What it draws is plain; it is there to show what the panels hold, not how Grafana looks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import re
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import matplotlib
from matplotlib import dates, font_manager
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator

DASHBOARDS = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "dashboards"
STEP = 5  # seconds between two points, and the time of a bar
BEIJING = timezone(timedelta(hours=8))
COLORS = {"green": "#56a64b", "yellow": "#e0b400", "orange": "#ff780a", "red": "#e02f44", "blue": "#3274d9"}
GREY = "#8e8e8e"
SCALES = {
    "s": ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (0.001, "ms")),
    "bytes": ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")),
}
CJK = re.compile(r"\s*[\u3000-\u9fff（）]+[\u3000-\u9fff0-9（）()%，、p ]*")
# Column and row of each province on a map of tiles.
TILES = {
    "65": (0, 1), "62": (1, 2), "64": (2, 2), "15": (3, 1), "23": (6, 0), "22": (6, 1), "21": (6, 2), "11": (4, 2),
    "12": (5, 2), "13": (4, 3), "14": (3, 3), "37": (5, 3), "61": (2, 3), "41": (3, 4), "32": (5, 4), "34": (4, 4),
    "31": (6, 4), "33": (5, 5), "42": (3, 5), "36": (4, 5), "35": (5, 6), "43": (3, 6), "44": (4, 7), "45": (3, 7),
    "46": (3, 8), "50": (2, 4), "51": (1, 4), "52": (2, 5), "53": (1, 6), "63": (1, 3), "54": (0, 3), "66": (0, 0),
}  # fmt: skip


class Source:
    """Where the panels' queries are asked."""

    def __init__(self, stack: dict[str, Any], variables: dict[str, str], minutes: float) -> None:
        self._http = httpx.Client(base_url=stack["prometheus"], trust_env=False, timeout=30)
        self._postgres = stack.get("postgres")
        self._variables = variables
        self._minutes = minutes

    def _filled(self, text: str) -> str:
        for name, value in self._variables.items():
            text = text.replace(name, value)
        return text

    def now(self, target: dict[str, Any]) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series."""
        answer = self._http.get("/api/v1/query", params={"query": self._filled(target["expr"])})
        found = answer.raise_for_status().json()["data"]["result"]
        return [(s["metric"], float(s["value"][1])) for s in found]

    def over_time(self, target: dict[str, Any]) -> list[tuple[dict[str, str], list[datetime], list[float]]]:
        """Labels, times and values of each series."""
        end = time.time()
        query = {"query": self._filled(target["expr"]), "step": f"{STEP}"}
        query |= {"start": f"{end - self._minutes * 60}", "end": f"{end}"}
        answer = self._http.get("/api/v1/query_range", params=query).raise_for_status()
        return [
            (
                series["metric"],
                [datetime.fromtimestamp(at, BEIJING) for at, _ in series["values"]],
                [float(value) for _, value in series["values"]],
            )
            for series in answer.json()["data"]["result"]
        ]

    def rows(self, target: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows; nothing where the stack has no PostgreSQL."""
        if self._postgres is None:
            return [], []
        import psycopg  # type: ignore[import-not-found,unused-ignore]

        with psycopg.connect(self._postgres, autocommit=True) as connection:
            cursor = connection.execute(self._filled(target["rawSql"]))
            return [column.name for column in cursor.description or ()], cursor.fetchall()


def is_sql(target: dict[str, Any]) -> bool:
    return "rawSql" in target


def color_of(value: float, steps: list[dict[str, Any]]) -> str:
    name = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            name = step["color"]
    return COLORS.get(name, GREY)


def number_of(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"


def scaled(value: float, units: tuple[tuple[float, str], ...], decimals: int | None) -> str:
    """In the largest of these units that it fills."""
    size, name = next((unit for unit in units if abs(value) >= unit[0]), units[-1])
    return f"{number_of(value / size, decimals)} {name}"


def text_of(value: Any, unit: str, decimals: int | None = None) -> str:
    """As Grafana would write it."""
    if isinstance(value, datetime):
        return value.astimezone(BEIJING).strftime("%m-%d %H:%M")
    if isinstance(value, bool) or value is None:
        return "✓" if value else ""
    if not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    if unit == "percentunit":
        return f"{value:.{2 if decimals is None else decimals}%}"
    if unit in SCALES and value:
        return scaled(value, SCALES[unit], decimals)
    return number_of(value, decimals)


def ticks(top: float, unit: str) -> list[float]:
    """Where an axis from 0 to `top` is marked: at round numbers of the unit they are written in."""
    size = next((size for size, _ in SCALES.get(unit, ()) if top >= 2 * size), 1)
    return [tick * size for tick in MaxNLocator(6).tick_values(0, top / size) if tick * size <= top]


class Drawing:
    """One dashboard on one sheet, panels where its JSON puts them."""

    def __init__(self, dashboard: dict[str, Any], source: Source, *, chinese: bool) -> None:
        self._source = source
        self._chinese = chinese
        panels = dashboard["panels"]
        height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels)
        self.figure = plt.figure(figsize=(18, height * 0.42), dpi=90, facecolor="white")
        for panel in panels:
            place = panel["gridPos"]
            left, width = place["x"] / 24, place["w"] / 24
            if panel["type"] == "row":
                self.figure.text(
                    0.01, 1 - (place["y"] + 0.9) / height, self.words(panel["title"]), fontsize=13
                )
                continue
            if panel["type"] == "bargauge":  # room for names
                left, width = left + 0.08, width - 0.08
            bottom, tall = 1 - (place["y"] + place["h"]) / height, place["h"] / height
            below = 1.7 if panel["type"] == "timeseries" else 0.5  # grid units; a legend stands there
            axes = self.figure.add_axes(
                (left + 0.03, bottom + below / height, width - 0.045, tall - (below + 1.1) / height)
            )
            axes.set_title(self.words(panel["title"]), fontsize=9, loc="left", fontweight="bold")
            if not self._draw(panel, axes):
                axes.axis("off")
                empty = self.words(panel["fieldConfig"]["defaults"]["noValue"])
                axes.text(0.5, 0.5, empty, ha="center", va="center", color=GREY, fontsize=9)

    def words(self, text: str) -> str:
        """Without Chinese where no font has it."""
        return text if self._chinese else (CJK.sub("", text).strip() or text)

    def _draw(self, panel: dict[str, Any], axes: Any) -> bool:
        """False when there is nothing to draw."""
        if panel["type"] == "table":
            return self._table(panel, axes)
        if panel["type"] == "stat":
            wide = panel["options"].get("textMode") == "value_and_name"
            return self._map(panel, axes) if wide else self._stat(panel, axes)
        if panel["type"] == "bargauge":
            return self._ranking(panel, axes)
        return self._heatmap(panel, axes) if panel["type"] == "heatmap" else self._lines(panel, axes)

    def _name(self, panel: dict[str, Any], labels: dict[str, str], target: dict[str, Any]) -> str:
        legend = re.sub(r"\{\{(\w+)\}\}", lambda m: labels.get(m[1], ""), target.get("legendFormat", ""))
        if legend in ("", "__auto"):
            legend = ", ".join(v for k, v in labels.items() if k != "__name__")
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == legend:
                legend = next(
                    (p["value"] for p in override["properties"] if p["id"] == "displayName"), legend
                )
        return self.words(legend)

    def _values(self, panel: dict[str, Any]) -> list[tuple[str, float]]:
        found = []
        for target in panel["targets"]:
            if is_sql(target):
                columns, rows = self._source.rows(target)
                found += [(self.words(c), v) for c, v in zip(columns, rows[0] if rows else (), strict=False)]
            else:
                found += [(self._name(panel, labels, target), v) for labels, v in self._source.now(target)]
        return [(name, float(v)) for name, v in found if v is not None and not math.isnan(v)]

    def _stat(self, panel: dict[str, Any], axes: Any) -> bool:
        values = self._values(panel)
        config = panel["fieldConfig"]["defaults"]
        axes.axis("off")
        for i, (name, value) in enumerate(values):
            share = 1 / len(values)
            color = color_of(value, config["thresholds"]["steps"])
            axes.add_patch(Rectangle((i * share, 0), share * 0.98, 1, color=color))
            middle = (i + 0.49) * share
            shown = text_of(value, config["unit"], config.get("decimals"))
            axes.text(middle, 0.58, shown, ha="center", va="center", fontsize=17, color="w")
            if len(values) > 1:
                axes.text(middle, 0.16, name, ha="center", fontsize=8, color="w")
        return bool(values)

    def _map(self, panel: dict[str, Any], axes: Any) -> bool:
        target, config = panel["targets"][0], panel["fieldConfig"]["defaults"]
        found = {labels.get("province", "")[:2]: (labels, v) for labels, v in self._source.now(target)}
        axes.axis("off")
        axes.set_xlim(0, 7)
        axes.set_ylim(9, 0)
        for code, (x, y) in TILES.items():
            labels, value = found.get(code, ({"province": f"{code}0000"}, math.nan))
            color = "#dddddd" if math.isnan(value) else color_of(value, config["thresholds"]["steps"])
            axes.add_patch(Rectangle((x + 0.02, y + 0.03), 0.96, 0.94, color=color))
            name = self._name(panel, labels, target)
            axes.text(x + 0.5, y + 0.36, name, ha="center", va="center", fontsize=7)
            shown = text_of(value, config["unit"], config.get("decimals"))
            axes.text(x + 0.5, y + 0.72, shown, ha="center", va="center", fontsize=8)
        return bool(found)

    def _ranking(self, panel: dict[str, Any], axes: Any) -> bool:
        values = sorted(self._values(panel), key=lambda pair: pair[1])[-10:]
        config = panel["fieldConfig"]["defaults"]
        colors = [color_of(value, config["thresholds"]["steps"]) for _, value in values]
        bars = axes.barh([name for name, _ in values], [value for _, value in values], color=colors)
        shown = [" " + text_of(value, config["unit"], config.get("decimals")) for _, value in values]
        axes.bar_label(bars, shown, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
        return bool(values)

    def _lines(self, panel: dict[str, Any], axes: Any) -> bool:
        config, drawn = panel["fieldConfig"]["defaults"], 0
        bars = config.get("custom", {}).get("drawStyle") == "bars"
        base: dict[datetime, float] = {}
        colors = itertools.cycle(plt.get_cmap("tab20").colors)
        for target in panel["targets"]:
            for name, times, values in self._series(panel, target):
                drawn += any(not math.isnan(v) for v in values)
                if bars:
                    width = 0.8 if is_sql(target) else 0.8 * STEP / 86400
                    bottom = [base.get(at, 0.0) for at in times]
                    axes.bar(times, values, width=width, bottom=bottom, label=name, color=next(colors))
                    base |= {at: base.get(at, 0.0) + v for at, v in zip(times, values, strict=True)}
                else:
                    axes.plot(times, values, linewidth=1.4, label=name)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.05)
        axes.yaxis.set_major_locator(FixedLocator(ticks(axes.get_ylim()[1], config["unit"])))
        for step in config["thresholds"]["steps"][1:]:
            if step["value"] <= axes.get_ylim()[1]:
                axes.axhline(step["value"], color=COLORS[step["color"]], linestyle="--", linewidth=1)
        axes.yaxis.set_major_formatter(lambda value, _: text_of(value, config["unit"]))
        form = "%m-%d" if is_sql(panel["targets"][0]) else "%H:%M:%S"
        formatter: Any = dates.DateFormatter(form, BEIJING)  # type: ignore[no-untyped-call,unused-ignore]
        axes.xaxis.set_major_formatter(formatter)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
        if drawn:
            columns = 5 if panel["gridPos"]["w"] >= 12 else 3
            axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.1), ncols=columns, frameon=False)
        return drawn > 0

    def _series(
        self, panel: dict[str, Any], target: dict[str, Any]
    ) -> list[tuple[str, list[datetime], list[float]]]:
        if not is_sql(target):
            return [(self._name(panel, s[0], target), s[1], s[2]) for s in self._source.over_time(target)]
        columns, rows = self._source.rows(target)
        return [
            (self.words(column), [row[0] for row in rows], [float(row[i]) for row in rows])
            for i, column in enumerate(columns)
            if i and rows
        ]

    def _heatmap(self, panel: dict[str, Any], axes: Any) -> bool:
        series = self._source.over_time(panel["targets"][0])
        series = sorted(series, key=lambda s: float(s[0]["le"]))
        if not series:
            return False
        below = [0.0] * len(series[0][2])
        cells = []
        for _, _, values in series:
            cells.append([max(0.0, v - b) for v, b in zip(values, below, strict=True)])
            below = values
        axes.imshow(cells, aspect="auto", origin="lower", cmap="Oranges", interpolation="nearest")
        axes.set_yticks(range(len(series)), [text_of(float(s[0]["le"]), "s") for s in series], fontsize=7)
        due = next(i for i, s in enumerate(series) if float(s[0]["le"]) >= 1800)
        axes.axhline(due + 0.5, color=COLORS["red"], linewidth=1)
        times = series[0][1]
        places = range(0, len(times), max(1, len(times) // 6))
        axes.set_xticks(list(places), [times[i].strftime("%H:%M:%S") for i in places], fontsize=7)
        return True

    def _table(self, panel: dict[str, Any], axes: Any) -> bool:
        columns, rows = self._cells(panel)
        if not rows:
            return False
        config = panel["fieldConfig"]["defaults"]
        styles = {
            override["matcher"]["options"]: {p["id"]: p["value"] for p in override["properties"]}
            for override in panel["fieldConfig"]["overrides"]
        }
        rows = rows[: max(4, int(panel["gridPos"]["h"] * 1.9))]
        texts, colors = [], []
        for row in rows:
            line, tint = [], []
            for column, value in zip(columns, row, strict=True):
                style = styles.get(column, {})
                unit, decimals = style.get("unit", config["unit"]), config.get("decimals")
                line.append(self.words(text_of(value, unit, None if unit == "percentunit" else decimals)))
                number = (
                    isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
                )
                steps = style.get("thresholds", {}).get("steps")
                tint.append(color_of(value, steps) + "88" if steps and number else "#ffffff")
            texts.append(line)
            colors.append(tint)
        axes.axis("off")
        names = [self.words(column) for column in columns]
        table = axes.table(texts, cellColours=colors, colLabels=names, loc="upper center", cellLoc="left")
        table.auto_set_font_size(False)
        table.set_fontsize(7)
        table.auto_set_column_width(list(range(len(columns))))
        return True

    def _cell(self, panel: dict[str, Any], value: Any) -> Any:
        """A value of PostgreSQL, or the text that the panel shows for it."""
        if type(value).__name__ == "Decimal":
            return float(value)
        for mapping in panel["fieldConfig"]["defaults"].get("mappings", ()):
            if mapping["type"] == "value" and isinstance(value, str):
                value = mapping["options"].get(value, {}).get("text", value)
        return value

    def _cells(self, panel: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        if is_sql(panel["targets"][0]):
            columns, rows = self._source.rows(panel["targets"][0])
            shown = [tuple(self._cell(panel, value) for value in row) for row in rows]
            return columns, shown
        by_name: dict[str, dict[str, float]] = {}
        for target in panel["targets"]:
            for labels, value in self._source.now(target):
                by_name.setdefault(labels["province"], {})[f"Value #{target['refId']}"] = value
        organized = panel["transformations"][-1]["options"]
        order = organized["indexByName"]
        renamed = {c: organized["renameByName"][c] for c in sorted(order, key=order.__getitem__)}
        names = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
        table = [
            (names.get(code, {}).get("text", code), *(found.get(c, math.nan) for c in list(renamed)[1:]))
            for code, found in by_name.items()
        ]
        table.sort(key=lambda row: (math.isnan(row[2]), row[2]))
        return list(renamed.values()), table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="directory of a running stack")
    parser.add_argument("--province", default="33", help="two digits")
    parser.add_argument("--minutes", type=float, default=15.0, help="how far back lines go")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    arguments = parser.parse_args()
    stack = json.loads((arguments.data / "stack.json").read_text())
    logging.getLogger("matplotlib.font_manager").setLevel(
        logging.ERROR
    )  # says so for each text without a bold face
    families = {font.name for font in font_manager.fontManager.ttflist}
    chinese = next(
        (f for f in ("Noto Sans CJK SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei") if f in families), ""
    )
    matplotlib.rcParams["font.family"] = [chinese, "DejaVu Sans"] if chinese else ["DejaVu Sans"]
    variables = {"$__rate_interval": "1m", "$__interval": f"{STEP}s", "$__range": "6h"}
    variables["${province}"] = arguments.province
    source = Source(stack, variables, arguments.minutes)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(DASHBOARDS.glob("*.json")):
        drawing = Drawing(json.loads(path.read_text()), source, chinese=bool(chinese))
        drawing.figure.savefig(arguments.out / f"{path.stem}.png")
        print(arguments.out / f"{path.stem}.png")


if __name__ == "__main__":
    main()
