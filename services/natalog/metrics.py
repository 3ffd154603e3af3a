"""Every metric, declared once, with what it means and its unit.

Which process exports what, and how a query adds it up when there are several of a kind, stands in ADR 20. A police
station is never a label, and a division this build does not know is `UNKNOWN`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each, which nobody reads

UNKNOWN: Final = "unknown"
"""Label of a province, prefecture or kind that cannot be told."""

# The ledger, wherever it is folded -----------------------------------------------------------------------------------

VOID_ENTRIES = Counter(
    "natalog_void_entries",
    "Records on the ledger that do not extend the chain and were skipped. Any is an incident: somebody else wrote. "
    "Every registrar counts those it meets for the first time: take the largest, not the sum.",
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
STATE_BYTES = Gauge(
    "natalog_state_bytes",
    "Bytes on disk of what a process keeps of the ledger: numbers (registrar's states), status (gateway's replica).",
    ["store"],
)

# Registrar -----------------------------------------------------------------------------------------------------------

REGISTRAR_PARTITIONS = Gauge(
    "natalog_registrar_partitions",
    "Partitions by state: following, taking_over, deciding, halted.",
    ["state"],
)
PARTITION_HALTED = Gauge(
    "natalog_partition_halted",
    "1 while a registrar has taken the partition out of work. It needs people; the log and /readyz say why.",
    ["partition"],
)
REGISTRAR_RECORDS = Counter("natalog_registrar_records", "Intake records decided, by topic.", ["topic"])
REGISTRAR_BATCH = Histogram(
    "natalog_registrar_batch_records",
    "Intake records per transaction.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
REGISTRAR_STAGE = Counter(
    "natalog_registrar_stage_seconds",
    "Wall time of the decide loop and of its flights by stage, summed.",
    ["stage"],
)
DECIDE_BATCH = Histogram(
    "natalog_decide_batch_seconds",
    "Time from the first record of a batch in hand to its commit.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
REGISTRAR_THROWN_AWAY = Counter(
    "natalog_registrar_batches_thrown_away", "Batches not committed and read again, by cause.", ["cause"]
)
REGISTRAR_SWEPT = Counter(
    "natalog_registrar_swept",
    "Partitions on which a transaction without an end was looked for and, if it was this registrar's own, ended.",
)
UNDECIDED = Gauge(
    "natalog_undecided_records",
    "Intake records not yet decided. Exported by the registrar that holds the partition, halted or not.",
    ["topic", "partition"],
)
OLDEST_UNDECIDED = Gauge(
    "natalog_oldest_undecided_seconds",
    "How long the oldest of them has been waiting, by the broker's clock; 0 when none waits.",
    ["topic", "partition"],
)
DECIDED_TO = Gauge(
    "natalog_intake_decided_offset",
    "Offset of an intake log up to which everything is decided: records since the topic was made, and on "
    "certificate.invalidations transaction markers. Exported like the undecided ones.",
    ["topic", "partition"],
)
COMMITTED_DIFFERS = Counter(
    "natalog_committed_offset_differs",
    "Committed offsets that were not where the ledger says. Never trusted; an alarm that something touched them.",
    ["topic", "partition"],
)
CLOCK_STEP = Gauge(
    "natalog_clock_step_seconds",
    "Largest step back of the broker's clock beyond the allowed skew, seen in the last ten minutes: how far a record's "
    "time lay before its number's last decision. 0: none.",
    ["partition"],
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
    "natalog_gateway_limited",
    "Requests answered 429, by the limit they met: rate, streams, bytes.",
    ["limit"],
)
GATEWAY_CLOCK_OFFSET = Gauge(
    "natalog_gateway_clock_offset_seconds",
    "Broker's clock minus this host's, by the last status queries; NaN before the first. Status goes by the broker's.",
)
REPLICA_STALENESS = Gauge(
    "natalog_replica_staleness_seconds",
    "Age of what a gateway's status query knows, of the partition that lags most. Above the limit its "
    "numbers answer 503.",
    ["replica"],
)
VIEW_HALTED = Gauge(
    "natalog_view_halted",
    "1 while a view (a gateway's replica, the projection) cannot fold the partition. It stands still there until its "
    "process is upgraded; a gateway's status queries answer 503.",
    ["view", "partition"],
)
CHECKS = Counter(
    "natalog_checks",
    "Certificate numbers asked about, by the province of the unit that asked and the status it was told.",
    ["province", "status"],
)
CHECK_SECONDS = Histogram(
    "natalog_check_seconds",
    "Time a status query took, recording the question included; many numbers in one query count once.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
SUBMIT_TO_VERDICT = Histogram(
    "natalog_submit_to_verdict_seconds",
    "Time from a single record in the producer's hands to its verdict. One still pending counts with the time waited, "
    "if that was a second or more. Streams and ranges are left out: their lines wait for each other.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)

# What the ledger says, counted by the projector from its live head on ------------------------------------------------

FILINGS = Counter(
    "natalog_filings",
    "Registrations filed live, each at its first filing: on_time, late or untimed. `cause` is whose "
    "fault a late one was.",
    ["prefecture", "result", "cause"],
)
FILING_DELAY = Histogram(
    "natalog_filing_delay_seconds",
    "From local registration to receipt of its filing, for filings that are timed. Due at 1800.",
    ["province"],
    buckets=(60, 120, 300, 600, 900, 1200, 1500, 1800, 2400, 3600, 7200, 14400, 43200, 86400, 604800),
)
DECISIONS = Counter(
    "natalog_decisions", "Entries of the ledger, by kind of record.", ["kind", "verdict", "province"]
)
REFUSALS = Counter("natalog_refusals", "Refused records, by reason.", ["reason", "province"])
FLAGS = Counter("natalog_flags", "Flags raised: facts of procedure.", ["flag", "province"])
DOUBTS = Counter("natalog_doubts", "Doubts raised: the notice's seven patterns.", ["doubt", "province"])
OVERDUE_OPEN = Gauge(
    "natalog_overdue_open",
    "Registrations completed, overdue on the ledger and still not filed.",
    ["province"],
)
CONTESTED_OPEN = Gauge(
    "natalog_contested_open",
    "Numbers that more than one registration lays claim to, not yet cleared.",
    ["province"],
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
