"""Operations (运维): does it keep up, how fast does it answer, how large is it."""

from __future__ import annotations

from deploy.grafana.generate.panel import CALM, GREEN, ORANGE, RED, YELLOW, Kind, Panel, Prom, sql, tile

_NO_REGISTRAR = "No registrar answers 未采集"
_NO_GATEWAY = "No gateway answers 未采集"


def quantiles(metric: str, *shares: float) -> list[Prom]:
    """Quantiles of a histogram over all processes that export it."""
    return [
        Prom(
            f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[$__rate_interval])))",
            f"p{share * 100:g}",
        )
        for share in shares
    ]


LAG = [
    Panel(
        title="Undecided records 待裁决记录",
        description="Records on the intake topics that no registrar has decided yet. Backfill may wait for days.",
        kind=Kind.LINES,
        queries=[Prom("sum by (topic) (max by (topic, partition) (natalog_undecided_records))", "{{topic}}")],
        unit="short",
        thresholds=((None, GREEN), (5000, YELLOW), (50000, RED)),
        empty=_NO_REGISTRAR,
    ),
    Panel(
        title="Oldest undecided record 最久待裁决",
        description="How long the oldest of them has waited, by topic, by the broker's clock.",
        kind=Kind.LINES,
        queries=[Prom("max by (topic) (natalog_oldest_undecided_seconds)", "{{topic}}")],
        unit="s",
        thresholds=((None, GREEN), (5, YELLOW), (30, RED)),
        empty=_NO_REGISTRAR,
    ),
    Panel(
        title="Age of the status view 状态视图时延",
        description="How old what each gateway knows may be. From 10 s on its status queries answer 503.",
        kind=Kind.LINES,
        queries=[Prom("max by (replica) (natalog_replica_staleness_seconds)", "{{replica}}")],
        unit="s",
        thresholds=((None, GREEN), (2, YELLOW), (5, RED)),
        empty=_NO_GATEWAY,
        width=8,
    ),
    Panel(
        title="PostgreSQL behind the ledger 数据库视图落后",
        description="Ledger entries that are not in the tables yet.",
        kind=Kind.LINES,
        queries=[Prom("sum(max by (partition) (natalog_projection_lag_entries))", "entries 条")],
        unit="short",
        thresholds=((None, GREEN), (1000, YELLOW), (10000, RED)),
        empty="No projector answers 未采集",
        width=8,
    ),
    Panel(
        title="Watch behind 监测程序落后",
        description="How long ago the watch had surely read all there was. So much later than due it tells of a missed "
        "filing.",
        kind=Kind.LINES,
        queries=[Prom("max(natalog_watch_staleness_seconds)", "behind 落后")],
        unit="s",
        thresholds=((None, GREEN), (5, YELLOW), (30, RED)),
        empty="No watch answers 未采集",
        width=8,
    ),
]

LATENCY = [
    Panel(
        title="Submission to verdict 报送到结论",
        description="From a record in the producer's hands to its verdict; single records, no streams.",
        kind=Kind.LINES,
        queries=quantiles("natalog_submit_to_verdict_seconds", 0.5, 0.99),
        unit="s",
        thresholds=((None, GREEN), (0.2, YELLOW), (1, RED)),
        empty="No submissions in this time 暂无报送",
        width=8,
    ),
    Panel(
        title="Status query 核验用时",
        description="From a question to its answer, recording it included.",
        kind=Kind.LINES,
        queries=quantiles("natalog_check_seconds", 0.5, 0.99),
        unit="s",
        thresholds=((None, GREEN), (0.1, YELLOW), (0.5, RED)),
        empty="No status queries in this time 暂无核验",
        width=8,
    ),
    Panel(
        title="Batch in hand to commit 批次裁决用时",
        description="From the first record of a batch in a registrar's hands to its commit.",
        kind=Kind.LINES,
        queries=quantiles("natalog_decide_batch_seconds", 0.5, 0.99),
        unit="s",
        thresholds=((None, GREEN), (0.1, YELLOW), (1, RED)),
        empty="Nothing was decided in this time 暂无裁决",
        width=8,
    ),
    Panel(
        title="HTTP, p99 by route 各接口用时",
        description="Ninety-ninth percentile of whole answers, by route template; streams take as long as they are.",
        kind=Kind.LINES,
        queries=[
            Prom(
                "histogram_quantile(0.99, sum by (le, route) "
                '(rate(natalog_gateway_request_seconds_bucket{route!~"/metrics|/readyz|/healthz"}[$__rate_interval])))',
                "{{route}}",
            )
        ],
        unit="s",
        thresholds=((None, GREEN), (1, YELLOW), (5, RED)),
        empty="No requests in this time 暂无请求",
    ),
    Panel(
        title="Where the decide loop's time goes 裁决循环耗时构成",
        description="Seconds of wall time a second, by stage, over all registrars.",
        kind=Kind.LINES,
        queries=[
            Prom(
                "sum by (stage) (rate(natalog_registrar_stage_seconds_total[$__rate_interval]))", "{{stage}}"
            )
        ],
        unit="s",
        thresholds=((None, GREEN), (0.5, YELLOW), (0.9, RED)),
        empty=_NO_REGISTRAR,
    ),
]

THROUGHPUT = [
    Panel(
        title="Decisions a second 每秒裁决",
        description="Intake records decided, by topic.",
        kind=Kind.LINES,
        queries=[
            Prom("sum by (topic) (rate(natalog_registrar_records_total[$__rate_interval]))", "{{topic}}")
        ],
        unit="ops",
        thresholds=CALM,
        empty="Nothing was decided in this time 暂无裁决",
        width=8,
    ),
    Panel(
        title="Submissions a second 每秒报送",
        description="By answer. A share of `pending` says that registrars are slower than callers wait.",
        kind=Kind.LINES,
        queries=[
            Prom("sum by (answer) (rate(natalog_gateway_submissions_total[$__rate_interval]))", "{{answer}}")
        ],
        unit="ops",
        thresholds=CALM,
        empty="No submissions in this time 暂无报送",
        width=8,
    ),
    Panel(
        title="Checks a second 每秒核验",
        description="Numbers asked about, by the status that was told. UNKNOWN means that nobody could tell.",
        kind=Kind.LINES,
        queries=[Prom("sum by (status) (rate(natalog_checks_total[$__rate_interval]))", "{{status}}")],
        unit="ops",
        thresholds=CALM,
        empty="No status queries in this time 暂无核验",
        width=8,
    ),
]

PROCESSES = [
    tile(
        "Starts, 24 hours 近24小时启动次数",
        "How often a process of each service started anew. A service ends rather than go on in doubt; many "
        "starts have a cause in its log.",
        Prom("sum by (job) (changes(process_start_time_seconds[1d]))", "{{job}}"),
        ((None, GREEN), (2, YELLOW), (10, RED)),
        "No service answers 未采集",
        width=12,
        height=6,
    ),
    tile(
        "Services that answer 在线服务",
        "Processes whose metrics can be read, of those that should be there.",
        Prom('avg by (job) (up{job=~"registrar|gateway|projector|watch"})', "{{job}}"),
        ((None, RED), (0.5, ORANGE), (1, GREEN)),
        "Prometheus has no targets 未配置",
        unit="percentunit",
        decimals=0,
        width=12,
        height=6,
    ),
    Panel(
        title="Memory 内存",
        description="Resident memory of each process: registrars hold caches of their state, gateways the bitmaps of "
        "used numbers.",
        kind=Kind.LINES,
        queries=[
            Prom(
                'process_resident_memory_bytes{job=~"registrar|gateway|projector|watch"}',
                "{{job}} {{instance}}",
            )
        ],
        unit="bytes",
        thresholds=((None, GREEN), (2 << 30, YELLOW), (4 << 30, RED)),
        empty="No service answers 未采集",
        width=8,
    ),
    Panel(
        title="Ledger 账本条目",
        description="Ledger offsets folded, over all partitions; entries and the markers of their transactions.",
        kind=Kind.LINES,
        queries=[Prom("sum(max by (partition) (natalog_ledger_offset))", "offsets 位置")],
        unit="short",
        thresholds=CALM,
        empty=_NO_REGISTRAR,
        width=8,
    ),
    Panel(
        title="Tables 数据库占用",
        description="The largest tables of the projection, indexes included, partitions added up.",
        kind=Kind.TABLE,
        queries=[
            sql(
                """
                SELECT coalesce(parent.relname, own.relname) AS "table 表",
                       sum(pg_total_relation_size(own.oid))::bigint AS "size 大小",
                       sum(stat.n_live_tup)::bigint AS "rows 行数(估计)"
                FROM pg_class own
                JOIN pg_stat_all_tables stat ON stat.relid = own.oid
                LEFT JOIN pg_inherits i ON i.inhrelid = own.oid
                LEFT JOIN pg_class parent ON parent.oid = i.inhparent
                WHERE own.relkind = 'r'
                  AND own.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'natalog.filings'::regclass)
                GROUP BY 1 ORDER BY 2 DESC LIMIT 12
                """
            )
        ],
        unit="short",
        decimals=0,
        thresholds=CALM,
        empty="No projection 无数据库视图",
        width=8,
        units={"size 大小": ("bytes", CALM)},
    ),
    Panel(
        title="States on disk 状态占用",
        description="What a registrar keeps of the numbers and a gateway of their status, by process. It can be thrown away "
        "and folded again from the ledger.",
        kind=Kind.LINES,
        queries=[Prom("natalog_state_bytes", "{{store}} {{instance}}")],
        unit="bytes",
        thresholds=((None, GREEN), (50 << 30, YELLOW), (200 << 30, RED)),
        empty="No service answers 未采集",
        width=8,
    ),
    Panel(
        title="Waiting in gateways 网关排队",
        description="Submissions sent and not on the ledger yet, over all gateways.",
        kind=Kind.LINES,
        queries=[Prom("sum(natalog_gateway_waiting)", "waiting 排队")],
        unit="short",
        thresholds=((None, GREEN), (1000, YELLOW), (10000, RED)),
        empty=_NO_GATEWAY,
        width=8,
    ),
]

ROWS = {
    "Lag 落后": LAG,
    "Latency 时延": LATENCY,
    "Throughput 吞吐": THROUGHPUT,
    "Processes and state 进程与状态": PROCESSES,
}
