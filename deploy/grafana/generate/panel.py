"""What every panel must have, and how it becomes Grafana's JSON.

A panel without description, unit, thresholds or a sentence for when it is empty cannot be written down here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS: Final = models.DataSourceRef(type_val="prometheus", uid="natalog-prometheus")
POSTGRES: Final = models.DataSourceRef(type_val="grafana-postgresql-datasource", uid="natalog-postgres")
"""Uids as provisioning/datasources names them."""

GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
GREY: Final = "text"
"""Grafana's own colours; blue says that there is no good or bad, grey that there is nothing."""

Steps = Sequence[tuple[float | None, str]]
"""From which value on which colour; the first has none."""

CALM: Final[Steps] = ((None, BLUE),)
ANY_IS_BAD: Final[Steps] = ((None, GREEN), (1, RED))
ON_TIME: Final[Steps] = ((None, RED), (0.95, ORANGE), (0.98, YELLOW), (0.99, GREEN))
"""Shares of filings on time; the SLO is 99 %."""


class Kind(Enum):
    """What a panel looks like."""

    STAT = "stat"
    TILES = "tiles"
    LINES = "lines"
    BARS = "bars"
    TABLE = "table"
    HEATMAP = "heatmap"
    RANKING = "ranking"


@dataclass(frozen=True, slots=True)
class Prom:
    """A query to Prometheus. `legend` may name labels, {{province}}."""

    expr: str
    legend: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Sql:
    """A query to the read-only views in PostgreSQL.

    Lines and bars need a column `time`; the names of the others are shown.
    """

    text: str
    ref: str = ""


def sql(text: str) -> Sql:
    """Such a query, written down indented."""
    return Sql(textwrap.dedent(text).strip())


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit` is Grafana's name for it: percentunit, s, short, bytes, ops.

    `columns` gives table columns (or series of tiles) another name, and those in `units` another unit.
    """

    title: str
    description: str
    kind: Kind
    queries: Sequence[Prom | Sql]
    unit: str
    thresholds: Steps
    empty: str
    """What stands there when there is no data."""
    width: int = 12
    height: int = 8
    decimals: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, tuple[str, Steps]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """Text shown instead of a value, in table cells."""
    sort: str = ""
    """Column a table is sorted by, worst first; a leading + sorts upwards."""
    days: int = 0
    """Days back from now that lines or bars of SQL show, whatever the dashboard's time range is; 0: that range."""


def tile(
    title: str,
    description: str,
    query: Prom | Sql,
    thresholds: Steps,
    empty: str,
    *,
    unit: str = "short",
    **more: Any,
) -> Panel:
    """One value in a coloured box, six columns wide unless `more` says otherwise; `more` is the panel's other fields."""
    size = {"width": 6, "height": 5, **more}
    return Panel(title, description, Kind.STAT, [query], unit, thresholds, empty, **size)


def per_bar(series: str) -> str:
    """What a counter grew by within a bar's own time, so that each event stands in one bar and is one there.

    `increase` over the same span would lose what falls between two bars' samples, and stretch what is left to fractions;
    over a longer span it shows an event in several bars. After a restart the counter begins at 0: all it shows is new.
    """
    before = f"{series} offset $__interval"
    return f"{series} - {before} >= 0 or {series} < {before}"


class _SqlQuery(Dataquery):
    """The SDK has no builder for PostgreSQL; this is the JSON of Grafana's own plugin."""

    def __init__(self, sql: Sql, ref: str, *, timed: bool) -> None:
        self.sql, self.ref, self.timed = sql, ref, timed

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref,
            "datasource": POSTGRES.to_json(),
            "editorMode": "code",
            "format": "time_series" if self.timed else "table",
            "rawQuery": True,
            "rawSql": self.sql.text,
        }


class _Built(Builder[Dataquery]):
    def __init__(self, query: Dataquery) -> None:
        self._query = query

    def build(self) -> Dataquery:
        return self._query


def _target(query: Prom | Sql, kind: Kind, ref: str) -> Builder[Any]:
    if isinstance(query, Sql):
        return _Built(_SqlQuery(query, query.ref or ref, timed=kind in (Kind.LINES, Kind.BARS)))
    built = prometheus.Dataquery().expr(query.expr).ref_id(query.ref or ref).datasource(PROMETHEUS)
    built = built.legend_format(query.legend or "__auto")
    if kind is Kind.TABLE:
        return built.instant().format(PromQueryFormat.TABLE)
    if kind is Kind.HEATMAP:
        return built.range().format(PromQueryFormat.HEATMAP)
    return built.range() if kind in (Kind.LINES, Kind.BARS) else built.instant()


def _steps(steps: Steps) -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def _look(kind: Kind) -> Any:
    """The panel's builder with what its kind looks like. The SDK's builders share methods, but no class."""
    last = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    by_value = builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)
    match kind:
        case Kind.STAT:
            panel: Any = stat.Panel().graph_mode(common.BigValueGraphMode.NONE)
            return panel.color_mode(common.BigValueColorMode.BACKGROUND).reduce_options(last)
        case Kind.TILES:
            panel = stat.Panel().graph_mode(common.BigValueGraphMode.NONE).reduce_options(last)
            panel = panel.color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
            return panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME).wide_layout(False)
        case Kind.LINES:
            panel = timeseries.Panel().line_width(2).fill_opacity(8)
            return panel.thresholds_style(
                common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
            )
        case Kind.BARS:
            panel = timeseries.Panel().draw_style(common.GraphDrawStyle.BARS).fill_opacity(80)
            return panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
        case Kind.TABLE:
            return table.Panel().color_scheme(by_value).filterable(True)
        case Kind.HEATMAP:
            color = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
            axis = heatmap.YAxisConfig().unit("s")
            return heatmap.Panel().calculate(False).color(color).y_axis(axis).show_legend()
        case Kind.RANKING:
            panel = bargauge.Panel().display_mode(common.BarGaugeDisplayMode.BASIC).reduce_options(last)
            return panel.orientation(common.VizOrientation.HORIZONTAL).color_scheme(by_value).min(0)


def build(panel: Panel) -> Builder[models.Panel]:
    """The SDK's builder of a panel."""
    built = (
        _look(panel.kind)
        .title(panel.title)
        .description(panel.description)
        .unit(panel.unit)
        .thresholds(_steps(panel.thresholds))
        .no_value(panel.empty)
        .span(panel.width)
        .height(panel.height)
        .datasource(PROMETHEUS if isinstance(panel.queries[0], Prom) else POSTGRES)
        .targets([_target(q, panel.kind, chr(ord("A") + i)) for i, q in enumerate(panel.queries)])
    )
    if panel.days:
        built = built.time_from(f"{panel.days}d")
    if panel.decimals is not None:
        built = built.decimals(panel.decimals)
    built = built.mappings(_mappings(panel))
    if panel.kind is Kind.TABLE and isinstance(panel.queries[0], Prom):
        built = built.transformations(_joined(panel))
    elif panel.kind is not Kind.TABLE:
        for name, shown in panel.columns.items():
            built = built.override_by_name(name, [models.DynamicConfigValue("displayName", shown)])
    for column, (unit, steps) in panel.units.items():
        config: dict[str, object] = {
            "mode": "absolute",
            "steps": [step.to_json() for step in _steps(steps).build().steps],
        }
        properties = [
            models.DynamicConfigValue("unit", unit),
            models.DynamicConfigValue("thresholds", config),
        ]
        if panel.kind is Kind.TABLE and len(steps) > 1:
            properties.append(models.DynamicConfigValue("custom.cellOptions", _COLOURED))
        built = built.override_by_name(column, properties)
    if panel.sort:
        order = common_builders.TableSortByFieldState().display_name(panel.sort.removeprefix("+"))
        built = built.sort_by([order.desc(not panel.sort.startswith("+"))])
    checked: Builder[models.Panel] = built
    return checked


def _mappings(panel: Panel) -> list[models.ValueMapping]:
    """Names for codes; and a share of nothing, which is no number, says so like a panel without data."""
    nothing = models.ValueMappingResult(text="–" if panel.kind is Kind.TABLE else panel.empty, color=GREY)
    found: list[models.ValueMapping] = [
        models.SpecialValueMap(models.DashboardSpecialValueMapOptions(models.SpecialValueMatch.NA_N, nothing))
    ]
    if panel.names:
        results = {code: models.ValueMappingResult(text=text) for code, text in panel.names.items()}
        found.insert(0, models.ValueMap(options=results))
    return found


_COLOURED: Final = {"type": "color-background", "mode": "basic"}
"""A table cell coloured by its value."""


def _joined(panel: Panel) -> list[models.DataTransformerConfig]:
    """One row for each value of the label the queries share, one column for each query, in their order."""
    order = {name: place for place, name in enumerate(panel.columns)}
    return [
        models.DataTransformerConfig(id_val="merge", options={}),
        models.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "renameByName": dict(panel.columns),
                "indexByName": order,
            },
        ),
    ]
