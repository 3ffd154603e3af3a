"""Ministry (部级): is filing on time, where is it not, and is the ledger whole."""

from __future__ import annotations

from deploy.grafana.generate.doubts import DOUBTS
from deploy.grafana.generate.panel import (
    ANY_IS_BAD,
    CALM,
    GREEN,
    ON_TIME,
    ORANGE,
    RED,
    YELLOW,
    Kind,
    Panel,
    Prom,
    per_bar,
    sql,
    tile,
)
from deploy.grafana.generate.provinces import PROVINCES

_LATE = 'natalog_filings_total{result="late"}'
_NOTHING_FILED = "No filings in this time 暂无备案"


def _filings(window: str, result: str, by: str = "") -> str:
    """Filings of a window that is recorded, "1d" or "7d"; `by` is "" or a label."""
    return f'sum by ({by}) (natalog:filings:count{window}{{result=~"{result}"}})'


def share_on_time(window: str, by: str = "") -> str:
    """Share of timed filings that came within 30 minutes."""
    return f"{_filings(window, 'on_time', by)} / {_filings(window, 'on_time|late', by)}"


FILING = [
    tile(
        "On time today 今日及时备案率",
        "Share of timed filings received since midnight in Beijing that came within 30 minutes of the "
        "registration, whole country. The aim is 99 %. For grading use `natalog assess`, never this figure.",
        sql(
            """
            SELECT count(*) FILTER (WHERE NOT 'FILED_LATE' = ANY (flags))::float / nullif(count(*), 0)
            FROM natalog.filings
            WHERE delay_ms IS NOT NULL
              AND received_at >= date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai'
            """
        ),
        ON_TIME,
        _NOTHING_FILED,
        unit="percentunit",
        decimals=2,
        width=4,
    ),
    tile(
        "On time, 7 days 近7天及时备案率",
        "The same over seven days, from the counters.",
        Prom(share_on_time("7d")),
        ON_TIME,
        _NOTHING_FILED,
        unit="percentunit",
        decimals=2,
        width=4,
    ),
    tile(
        "Filed, 24 hours 近24小时备案数",
        "Registrations filed live, each counted once: on time, late, and those whose hour is not known.",
        Prom(_filings("1d", ".*", "result"), "{{result}}"),
        CALM,
        _NOTHING_FILED,
        decimals=0,
        width=8,
        columns={"on_time": "on time 及时", "late": "late 超时", "untimed": "hour unknown 无法计时"},
    ),
    tile(
        "Overdue now 逾期未备案",
        "Registrations that were completed, are overdue on the ledger and still have no filing.",
        Prom("sum(natalog_overdue_open)"),
        ((None, GREEN), (1, YELLOW), (50, RED)),
        "Not measured: does the projector run? 未采集",
        width=4,
    ),
    tile(
        "Contested numbers 争议编号",
        "Certificate numbers that more than one registration lays claim to, until people have decided.",
        Prom("sum(natalog_contested_open)"),
        ((None, GREEN), (1, YELLOW), (20, RED)),
        "Not measured: does the projector run? 未采集",
        width=4,
    ),
    Panel(
        title="Provinces, on time over 7 days 各省近7天及时备案率",
        description="One tile a province, from north to south and then west. A dash: nothing was filed there.",
        kind=Kind.TILES,
        queries=[Prom(share_on_time("7d", "province"), "{{province}}")],
        unit="percentunit",
        decimals=1,
        thresholds=ON_TIME,
        empty="–",
        width=12,
        height=12,
        columns=PROVINCES,
    ),
    Panel(
        title="Provinces in figures 各省情况",
        description="On time over one and seven days, filings, overdue and contested now, doubts raised in seven days.",
        kind=Kind.TABLE,
        queries=[
            Prom(share_on_time("1d", "province"), ref="A"),
            Prom(share_on_time("7d", "province"), ref="B"),
            Prom(_filings("7d", ".*", "province"), ref="C"),
            Prom("sum by (province) (natalog_overdue_open)", ref="D"),
            Prom("sum by (province) (natalog_contested_open)", ref="E"),
            Prom("sum by (province) (natalog:doubts:count7d)", ref="F"),
        ],
        unit="short",
        decimals=0,
        thresholds=CALM,
        empty="–",
        width=12,
        height=12,
        names=PROVINCES,
        columns={
            "province": "province 省份",
            "Value #A": "on time 1 d 及时率(1天)",
            "Value #B": "on time 7 d 及时率(7天)",
            "Value #C": "filed 7 d 备案数",
            "Value #D": "overdue 逾期",
            "Value #E": "contested 争议",
            "Value #F": "doubts 7 d 存疑",
        },
        units={
            "on time 1 d 及时率(1天)": ("percentunit", ON_TIME),
            "on time 7 d 及时率(7天)": ("percentunit", ON_TIME),
            "overdue 逾期": ("short", ((None, GREEN), (1, YELLOW), (10, RED))),
            "contested 争议": ("short", ((None, GREEN), (1, YELLOW), (5, RED))),
        },
        sort="+on time 7 d 及时率(7天)",
    ),
    Panel(
        title="How long filings take 备案用时分布",
        description="From local registration to receipt. The line to watch is 1,800 s: what lies above was late.",
        kind=Kind.HEATMAP,
        queries=[Prom(f"sum by (le) ({per_bar('natalog_filing_delay_seconds_bucket')})", "{{le}}")],
        unit="short",
        thresholds=CALM,
        empty=_NOTHING_FILED,
        height=9,
    ),
    Panel(
        title="Late, by cause 超时原因",
        description="Whose fault late filings were, by the rule of the assessment: the station, the line, the "
        "ministry's own systems, a wrong clock, or not to be told.",
        kind=Kind.BARS,
        queries=[Prom(f"sum by (cause) ({per_bar(_LATE)})", "{{cause}}")],
        unit="short",
        thresholds=((None, GREEN), (1, ORANGE)),
        empty="No late filings in this time 无超时备案",
        height=9,
    ),
    Panel(
        title="Pace of using up the month's allowance 错误预算消耗速度",
        description="How fast each province uses up its 1 % of late filings: at 1 it lasts 30 days, at 14.4 two days. "
        "The last hour; the five fastest.",
        kind=Kind.LINES,
        queries=[Prom("topk(5, natalog:filings_late:ratio1h / 0.01 >= 0)", "{{province}}")],
        unit="short",
        thresholds=((None, GREEN), (1, YELLOW), (6, ORANGE), (14.4, RED)),
        empty=_NOTHING_FILED,
        columns=PROVINCES,
    ),
    Panel(
        title="Oldest open obligations 最久未备案",
        description="Completed registrations without a filing, overdue ones included, by province: how many, and the "
        "age of the oldest since its registration.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT coalesce(province, 'unknown') AS "province 省份", count(*) AS "open 待备案",
                       count(*) FILTER (WHERE overdue) AS "overdue 逾期",
                       extract(epoch FROM now() - min(registered_at)) AS "oldest 最久"
                FROM natalog.open_obligations GROUP BY 1 ORDER BY 4 DESC LIMIT 10
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="Nothing is open 无待备案登记",
        names=PROVINCES,
        units={"oldest 最久": ("s", ((None, GREEN), (1800, YELLOW), (86400, RED)))},
    ),
]

CASES = [
    Panel(
        title="Refusals, by reason 拒绝原因",
        description="Records refused: the number was used, blacklisted, void, malformed, or the sender not entitled.",
        kind=Kind.BARS,
        queries=[Prom(f"sum by (reason) ({per_bar('natalog_refusals_total')}) > 0", "{{reason}}")],
        unit="short",
        thresholds=CALM,
        empty="No refusals in this time 无拒绝",
        height=9,
    ),
    Panel(
        title="Seven doubtful patterns, 7 days 近7天七类存疑落户",
        description="Registrations that fit one of the notice's seven patterns. Each is to be checked one by one "
        "(一人一档); legal look-alikes are not among them.",
        kind=Kind.RANKING,
        queries=[Prom("sort_desc(sum by (doubt) (natalog:doubts:count7d))", "{{doubt}}")],
        unit="short",
        decimals=0,
        thresholds=((None, GREEN), (1, ORANGE)),
        empty="Not measured: does the projector run? 未采集",
        height=9,
        columns=DOUBTS,
    ),
]

INTEGRITY = [
    tile(
        "Foreign records on the ledger 账本外来记录",
        "Records that do not extend the chain, met since the registrars started. Any is an incident.",
        Prom("sum(max by (partition) (natalog_void_entries_total))"),
        ANY_IS_BAD,
        "Not measured: no registrar answers 未采集",
    ),
    tile(
        "Halted partitions 停止裁决的分区",
        "Partitions on which nothing is decided until people have looked.",
        Prom("sum(max by (partition) (natalog_partition_halted))"),
        ANY_IS_BAD,
        "Not measured: no registrar answers 未采集",
    ),
    tile(
        "Partitions decided 正在裁决的分区",
        "All twelve, or some numbers have no writer.",
        Prom('sum(natalog_registrar_partitions{state="deciding"})'),
        ((None, RED), (12, GREEN)),
        "No registrar answers 未采集",
    ),
    tile(
        "Clock steps 时钟回拨",
        "Largest step back of a broker's clock in the last ten minutes, beyond the allowed five minutes.",
        Prom("max(natalog_clock_step_seconds)"),
        ((None, GREEN), (1, RED)),
        "Not measured: no registrar answers 未采集",
        unit="s",
    ),
]

ROWS = {
    "Filing 备案": FILING,
    "Cases 案件": CASES,
    "Integrity 账本完整性": INTEGRITY,
}
