"""Every metric, declared once, with what it means and its unit."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# The ledger, wherever it is folded -----------------------------------------------------------------------------------

LEDGER_VOID = Counter(
    "natalog_ledger_void_entries",
    "Records on the ledger that do not extend the chain and were skipped. Any is an incident: somebody else wrote.",
    ["partition"],
)
LEDGER_OFFSET = Gauge(
    "natalog_ledger_offset", "Ledger offset up to which this process has folded the partition.", ["partition"]
)
STORE_REFOLDED = Counter(
    "natalog_store_refolded",
    "Times local state was thrown away and folded anew because it did not stem from this ledger, by cause.",
    ["cause"],
)

# Registrar -----------------------------------------------------------------------------------------------------------

REGISTRAR_PARTITIONS = Gauge(
    "natalog_registrar_partitions",
    "Partitions by state: following, taking_over, deciding, halted.",
    ["state"],
)
PARTITION_HALTED = Gauge(
    "natalog_partition_halted",
    "1 while the partition is halted. It needs people; the log says why and what to do.",
    ["partition", "cause"],
)
REGISTRAR_RECORDS = Counter("natalog_registrar_records", "Intake records decided, by topic.", ["topic"])
REGISTRAR_BATCH = Histogram(
    "natalog_registrar_batch_records",
    "Intake records per transaction.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
REGISTRAR_STAGE = Counter(
    "natalog_registrar_stage_seconds", "Wall time of the decide loop by stage, summed.", ["stage"]
)
REGISTRAR_COMMIT = Histogram(
    "natalog_registrar_batch_seconds",
    "Time from the first record of a batch in hand to its commit.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
REGISTRAR_THROWN_AWAY = Counter(
    "natalog_registrar_batches_thrown_away", "Batches not committed and read again, by cause.", ["cause"]
)
REGISTRAR_LAG = Gauge(
    "natalog_registrar_lag_records", "Intake records not yet decided, of the partitions held.", ["topic"]
)
COMMITTED_DIFFERS = Counter(
    "natalog_committed_offset_differs",
    "Committed offsets that were not where the ledger says. Never trusted; an alarm that something touched them.",
    ["topic", "partition"],
)
CLOCK_STEPS = Counter(
    "natalog_clock_steps",
    "Records whose broker time lay before their number's last decision by more than the allowed skew.",
)
TAKEOVER_SECONDS = Histogram(
    "natalog_registrar_takeover_seconds",
    "Time from assignment of a partition to its first decision being possible.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
)

# Watch ---------------------------------------------------------------------------------------------------------------

OBLIGATIONS_OPEN = Gauge(
    "natalog_obligations_open", "Registrations completed, not filed and not told as overdue.", ["province"]
)
OBLIGATION_OLDEST = Gauge(
    "natalog_obligation_oldest_seconds",
    "Age of the oldest of them since registration, in seconds; 0 where there is none.",
    ["province"],
)
WATCH_ALERTS = Counter(
    "natalog_watch_alerts", "FilingOverdue records sent, repeats after a restart included."
)
WATCH_LAG = Gauge(
    "natalog_watch_lag_records", "Records the watch has not read yet. While it lags it tells of nothing."
)
WATCH_PARTITIONS = Gauge("natalog_watch_partitions", "Partitions this watch holds; all watches together: 12.")
WATCH_UNDECODABLE = Counter(
    "natalog_watch_undecodable",
    "Records skipped, by cause: unreadable, unknown schema (needs a newer build), undecidable (a fault in the rules).",
    ["cause"],
)
WATCH_MISSING = Counter(
    "natalog_watch_missing_records",
    "Offsets passed over without a record, by cause: expired before they were read, or a hole in the log.",
    ["cause"],
)
WATCH_CLOCK_OFFSET = Gauge(
    "natalog_watch_clock_offset_seconds",
    "Broker's clock minus this host's. The watch goes by the broker's as soon as it has seen it.",
)
WATCH_CLOCK_STEPS = Counter("natalog_watch_clock_steps", "Times the broker's clock was seen to be set.")

# Gateway -------------------------------------------------------------------------------------------------------------

GATEWAY_REQUESTS = Histogram(
    "natalog_gateway_request_seconds",
    "Time from a request to the end of its answer, by method, route template and status.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
GATEWAY_SUBMISSIONS = Counter(
    "natalog_gateway_submissions",
    "Submissions by kind and answer: ACCEPTED, REFUSED, repeated, pending, problem, range.",
    ["kind", "answer"],
)
GATEWAY_WAITING = Gauge("natalog_gateway_waiting", "Submissions sent and not yet on the ledger.")
GATEWAY_BULK = Gauge(
    "natalog_gateway_bulk_in_flight", "Share of the bulk lane's budget in use, in records of at most 4 KiB."
)
GATEWAY_LIMITED = Counter(
    "natalog_gateway_limited", "Requests answered 429, by the limit they met: rate, streams.", ["limit"]
)
GATEWAY_STALENESS = Gauge(
    "natalog_gateway_staleness_seconds",
    "Age of what the status query knows, of the partition that lags most. Above the limit its numbers answer 503.",
)

# Projection ----------------------------------------------------------------------------------------------------------

PROJECTION_LAG = Gauge(
    "natalog_projection_lag_entries",
    "Ledger offsets between the end of a partition and what PostgreSQL holds of it (transaction markers count too).",
    ["partition"],
)
PROJECTION_FAILING = Gauge(
    "natalog_projection_failing",
    "1 while PostgreSQL takes nothing, by trouble: away, read_only, disk_full, busy, refused. Nothing is lost.",
    ["trouble"],
)
PROJECTION_ENTRIES = Counter(
    "natalog_projection_entries", "Ledger entries put into PostgreSQL by this process."
)
PROJECTION_BATCH = Histogram(
    "natalog_projection_batch_seconds",
    "Time of one transaction of the projection.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
PROJECTION_UNPLACED = Counter(
    "natalog_projection_unplaced",
    "Entries whose unit code names no known province. They stand in the tables without province.",
)
AUDIT_SKIPPED = Counter(
    "natalog_audit_skipped",
    "Records of queries.audit that no row came of, by cause: unreadable, expired (retention was faster than we).",
    ["cause"],
)
