"""Province (省级): whom to call, what is open, what is disputed, is the own blacklist kept, how far is the backfill.

The variable `province` holds the two digits of a province. A login with a province's role sees that one alone,
whatever the variable says.
"""

from __future__ import annotations

from typing import Final

from deploy.grafana.generate.doubts import DOUBTS
from deploy.grafana.generate.panel import (
    BLUE,
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

VARIABLE: Final = "province"
_HERE: Final = 'province="${province}0000"'
_LATE: Final = 'natalog_filings_total{result="late",prefecture=~"${province}.*"}'
_BACKFILLED: Final = 'sum(max by (topic, partition) (natalog_intake_decided_offset{topic="birth.backfill"}))'
_WAITING: Final = 'sum(max by (topic, partition) (natalog_undecided_records{topic="birth.backfill"}))'
_NO_PROJECTION: Final = "Not measured: does the projector run? 未采集"

NOW = [
    tile(
        "On time, 7 days 近7天及时备案率",
        "Share of this province's timed filings that came within 30 minutes of the registration.",
        Prom(
            f'sum(natalog:filings:count7d{{{_HERE},result="on_time"}})'
            f' / sum(natalog:filings:count7d{{{_HERE},result=~"on_time|late"}})'
        ),
        ON_TIME,
        "No filings in this time 暂无备案",
        unit="percentunit",
        decimals=2,
    ),
    tile(
        "Overdue now 逾期未备案",
        "Registrations of this province that were completed, are overdue and still have no filing.",
        Prom(f"sum(natalog_overdue_open{{{_HERE}}})"),
        ((None, GREEN), (1, YELLOW), (10, RED)),
        _NO_PROJECTION,
    ),
    tile(
        "Oldest open obligation 最久未备案",
        "Age, since its registration, of the oldest completed registration that is not filed, overdue or not.",
        sql(
            """
            SELECT extract(epoch FROM now() - min(registered_at)) FROM natalog.open_obligations
            WHERE province = '${province}0000'
            """
        ),
        ((None, GREEN), (1800, YELLOW), (86400, RED)),
        "Nothing is open 无待备案登记",
        unit="s",
        decimals=1,
    ),
    tile(
        "Contested numbers 争议编号",
        "Contests of a certificate number that a unit of this province opened and no withdrawal has decided.",
        Prom(f"sum(natalog_contested_open{{{_HERE}}})"),
        ((None, GREEN), (1, YELLOW), (5, RED)),
        _NO_PROJECTION,
    ),
    Panel(
        title="How long filings take 备案用时",
        description="From local registration to receipt: the middle one, and the one of twenty that took longest.",
        kind=Kind.LINES,
        queries=[
            Prom(
                f"histogram_quantile({share}, sum by (le) "
                f"(rate(natalog_filing_delay_seconds_bucket{{{_HERE}}}[$__rate_interval])))",
                legend,
            )
            for share, legend in ((0.5, "p50"), (0.95, "p95"))
        ],
        unit="s",
        thresholds=((None, GREEN), (1200, YELLOW), (1800, RED)),
        empty="No filings in this time 暂无备案",
    ),
    Panel(
        title="Late, by prefecture and cause 超时情况",
        description="Late filings by prefecture and whose fault they were: station, line, ministry, clock, unknown.",
        kind=Kind.BARS,
        queries=[Prom(f"sum by (prefecture, cause) ({per_bar(_LATE)}) > 0", "{{prefecture}} {{cause}}")],
        unit="short",
        thresholds=((None, GREEN), (1, ORANGE)),
        empty="No late filings in this time 无超时备案",
    ),
]

LATE = [
    Panel(
        title="Stations with most late filings, 7 days 近7天超时最多的单位",
        description="Units ranked by late filings, with how many of them were the station's own fault, by the rule of "
        "the assessment.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT unit_code AS "unit 单位", prefecture AS "prefecture 地市", count(*) AS "late 超时",
                       count(*) FILTER (WHERE lateness_cause = 'STATION') AS "own fault 本单位责任",
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_ms) / 1000 AS "median 中位用时",
                       max(delay_ms) / 1000 AS "longest 最长用时"
                FROM natalog.late_filings
                WHERE province = '${province}0000' AND received_at > now() - interval '7 days'
                GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 20
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="No late filings in seven days 近7天无超时备案",
        height=9,
        units={
            "own fault 本单位责任": ("short", ((None, GREEN), (1, YELLOW), (10, RED))),
            "median 中位用时": ("s", ((None, YELLOW), (3600, RED))),
            "longest 最长用时": ("s", ((None, YELLOW), (86400, RED))),
        },
    ),
    Panel(
        title="Latest late filings 最近超时备案",
        description="The twenty latest, with their clocks: registered locally, received here.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT received_at AS "received 收到", registered_at AS "registered 登记", number AS "number 编号",
                       unit_code AS "unit 单位", delay_ms / 1000 AS "took 用时", lateness_cause AS "cause 原因",
                       verdict AS "verdict 结论"
                FROM natalog.late_filings
                WHERE province = '${province}0000' AND received_at > now() - interval '30 days'
                ORDER BY received_at DESC LIMIT 20
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="No late filings in thirty days 近30天无超时备案",
        height=9,
        units={"took 用时": ("s", ((None, YELLOW), (86400, RED)))},
    ),
    Panel(
        title="Filings by day of registration 每日备案",
        description="On time and late, by the Beijing day of the registration, thirty days.",
        kind=Kind.BARS,
        queries=[
            sql(
                """
                SELECT day::timestamp AT TIME ZONE 'Asia/Shanghai' AS time, sum(on_time)::bigint AS "on time 及时",
                       sum(late)::bigint AS "late 超时"
                FROM natalog.filings_by_day
                WHERE province = '${province}0000' AND day > (now() AT TIME ZONE 'Asia/Shanghai')::date - 30
                GROUP BY 1 ORDER BY 1
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="No filings in thirty days 近30天无备案",
        days=30,
    ),
    Panel(
        title="Open obligations 待备案登记",
        description="Completed registrations without filing, the longest first. Call the unit: the child is registered, "
        "the ministry does not know.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT due_at AS "due 期限", extract(epoch FROM now() - due_at) AS "past due 已逾期",
                       registration_id AS "registration 登记", number AS "number 编号", unit_code AS "unit 单位",
                       overdue AS "overdue 逾期告警"
                FROM natalog.open_obligations WHERE province = '${province}0000'
                ORDER BY due_at LIMIT 50
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="Nothing is open 无待备案登记",
        units={"past due 已逾期": ("s", ((None, GREEN), (0, YELLOW), (3600, RED)))},
    ),
]

CASES = [
    Panel(
        title="Contested numbers 争议编号清单",
        description="Open contests, wherever the number was issued, by the unit of this province whose record opened "
        "them, exchanged certificates too: since when, and which units registered on the number. Who is right is for "
        "people to decide; a withdrawal approved after it closes a contest.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT number AS "number 编号", opened_at AS "since 始于", unit_code AS "opened by 提出单位",
                       registrations AS "registrations 登记数",
                       array_to_string(units, ', ') AS "units 登记单位"
                FROM natalog.contested_numbers WHERE province = '${province}0000'
                ORDER BY opened_at DESC LIMIT 50
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="No contested numbers 无争议编号",
        width=8,
        height=9,
    ),
    Panel(
        title="Expired claims 占用过期未登记",
        description="Numbers that a unit claimed and let expire, and of which it was heard no more: it neither released, "
        "completed nor filed. The latest of thirty days. Ask the unit: was a child registered, and not reported?",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT claimed_at AS "claimed 占用", expires_at AS "expired 过期", number AS "number 编号",
                       unit_code AS "unit 单位", prefecture AS "prefecture 地市"
                FROM natalog.expired_claims
                WHERE province = '${province}0000' AND expires_at > now() - interval '30 days'
                ORDER BY expires_at DESC LIMIT 50
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="No claim was left to expire 无过期占用",
        width=8,
        height=9,
    ),
    Panel(
        title="Seven doubtful patterns, 7 days 近7天七类存疑落户",
        description="This province's registrations that fit one of the notice's seven patterns, to be checked one by one.",
        kind=Kind.RANKING,
        queries=[Prom(f"sort_desc(sum by (doubt) (natalog:doubts:count7d{{{_HERE}}}))", "{{doubt}}")],
        unit="short",
        decimals=0,
        thresholds=((None, GREEN), (1, ORANGE)),
        empty=_NO_PROJECTION,
        width=8,
        height=9,
        columns=DOUBTS,
    ),
    Panel(
        title="Own blacklist 本省黑名单维护",
        description="Listed numbers by owner: how many, how many wait for a second person to approve their removal, how "
        "many are new, and how long it took from taking effect to being listed.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT owner AS "owner 地市", count(*) AS "listed 在册",
                       count(*) FILTER (WHERE removal_requested) AS "removal asked 待审批移除",
                       count(*) FILTER (WHERE listed_at > now() - interval '7 days') AS "new, 7 days 近7天新增",
                       greatest(extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY listed_at - effective_at)), 0)
                         AS "median until listed 列入中位用时"
                FROM natalog.blacklist_now WHERE province = '${province}0000'
                GROUP BY 1 ORDER BY 2 DESC
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="No listed numbers 黑名单为空",
        height=9,
        units={
            "removal asked 待审批移除": ("short", ((None, GREEN), (1, YELLOW))),
            "median until listed 列入中位用时": ("s", ((None, GREEN), (86400, YELLOW), (604800, RED))),
        },
    ),
    Panel(
        title="Backfilled, by year 各年补报数",
        description="Registrations that were supplied afterwards, by year of registration: backfill that was accepted. How "
        "many are still missing only the local systems know.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT extract(year FROM registered_day)::int::text AS "year 年份",
                       sum(filings)::bigint AS "backfilled 补报", count(DISTINCT prefecture) AS "prefectures 地市数"
                FROM (
                    SELECT prefecture, registered_day, count(*) AS filings
                    FROM natalog.filings
                    WHERE province = '${province}0000' AND backfill AND verdict = 'ACCEPTED' AND NOT amendment
                    GROUP BY 1, 2
                ) days
                GROUP BY 1 ORDER BY 1 DESC
                """
            )
        ],
        unit="short",
        thresholds=CALM,
        empty="Nothing was backfilled 暂无补报",
        width=8,
        height=9,
    ),
    tile(
        "Backfill decided 补报裁决进度",
        "Of all records ever sent as backfill, by the whole country, the share that is decided; the others wait behind "
        "live ones. It says nothing of what was never sent.",
        Prom(f"{_BACKFILLED} / ({_BACKFILLED} + {_WAITING})"),
        ((None, BLUE), (1, GREEN)),
        "Nothing was sent 暂无补报",
        unit="percentunit",
        decimals=1,
        width=4,
        height=9,
    ),
]

ROWS = {"Now 当前": NOW, "Late 超时": LATE, "Cases and upkeep 案件与维护": CASES}
