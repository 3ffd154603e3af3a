"""Every metric, declared once, with what it means, its unit and the service that exports it.

Why it is that service, and how a query adds it up when there are several of a kind, stands in ADR 20. A police station
is never a label, and a division this build does not know is `UNKNOWN`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each, which nobody reads

UNKNOWN: Final = "unknown"
"""Label of a province, prefecture or kind that cannot be told."""

REGISTRAR: Final = CollectorRegistry()
WATCH: Final = CollectorRegistry()
GATEWAY: Final = CollectorRegistry()
PROJECTOR: Final = CollectorRegistry()
"""What each service exports: its own families and those of its process. A gauge without labels is 0 from the start, so
another's that nobody sets would say that all is well where the one that sets it has stopped."""

for _service in (REGISTRAR, WATCH, GATEWAY, PROJECTOR):
    for _collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        _service.register(_collector)

# The ledger, wherever it is folded -----------------------------------------------------------------------------------

VOID_ENTRIES = Counter(
    "natalog_void_entries",
    "Records on the ledger that do not extend the chain and were skipped. Any is an incident: somebody else wrote. "
    "Every registrar counts those it meets for the first time: take the largest, not the sum.",
    ["partition"],
    registry=REGISTRAR,
)
LEDGER_OFFSET = Gauge(
    "natalog_ledger_offset",
    "Ledger offset up to which this process has folded the partition.",
    ["partition"],
    registry=REGISTRAR,
)
STORE_REFOLDED = Counter(
    "natalog_store_refolded",
    "Times local state was thrown away and folded anew because it did not stem from this ledger, by cause.",
    ["cause"],
    registry=REGISTRAR,
)
STATE_BYTES = Gauge(
    "natalog_state_bytes",
    "Bytes on disk of what a process keeps of the ledger: numbers (registrar's states), status (gateway's replica).",
    ["store"],
    registry=REGISTRAR,
)
for _shared in (STORE_REFOLDED, STATE_BYTES):
    GATEWAY.register(_shared)

# Registrar -----------------------------------------------------------------------------------------------------------

REGISTRAR_PARTITIONS = Gauge(
    "natalog_registrar_partitions",
    "Partitions by state: following, taking_over, deciding, halted.",
    ["state"],
    registry=REGISTRAR,
)
PARTITION_HALTED = Gauge(
    "natalog_partition_halted",
    "1 while a registrar has taken the partition out of work. It needs people; the log and /readyz say why.",
    ["partition"],
    registry=REGISTRAR,
)
REGISTRAR_RECORDS = Counter(
    "natalog_registrar_records", "Intake records decided, by topic.", ["topic"], registry=REGISTRAR
)
REGISTRAR_BATCH = Histogram(
    "natalog_registrar_batch_records",
    "Intake records per transaction.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
    registry=REGISTRAR,
)
REGISTRAR_STAGE = Counter(
    "natalog_registrar_stage_seconds",
    "Wall time of the decide loop and of its flights by stage, summed.",
    ["stage"],
    registry=REGISTRAR,
)
DECIDE_BATCH = Histogram(
    "natalog_decide_batch_seconds",
    "Time from the first record of a batch in hand to its commit.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRAR,
)
REGISTRAR_THROWN_AWAY = Counter(
    "natalog_registrar_batches_thrown_away",
    "Batches not committed and read again, by cause.",
    ["cause"],
    registry=REGISTRAR,
)
REGISTRAR_SWEPT = Counter(
    "natalog_registrar_swept",
    "Partitions on which a transaction without an end was looked for and, if it was this registrar's own, ended.",
    registry=REGISTRAR,
)
UNDECIDED = Gauge(
    "natalog_undecided_records",
    "Intake records not yet decided. Exported by the registrar that holds the partition, halted or not.",
    ["topic", "partition"],
    registry=REGISTRAR,
)
OLDEST_UNDECIDED = Gauge(
    "natalog_oldest_undecided_seconds",
    "How long the oldest of them has been waiting, by the broker's clock; 0 when none waits.",
    ["topic", "partition"],
    registry=REGISTRAR,
)
DECIDED_TO = Gauge(
    "natalog_intake_decided_offset",
    "Offset of an intake log up to which everything is decided: records since the topic was made, and on "
    "certificate.invalidations transaction markers. Exported like the undecided ones.",
    ["topic", "partition"],
    registry=REGISTRAR,
)
INTAKE_MISSING = Counter(
    "natalog_intake_missing_records",
    "Offsets of an intake log that hold no record though later ones do, read twice: a stranger's transaction that was "
    "aborted, or records a broker lost. certificate.invalidations is left out: there transaction markers are normal.",
    ["topic", "partition"],
    registry=REGISTRAR,
)
COMMITTED_DIFFERS = Counter(
    "natalog_committed_offset_differs",
    "Committed offsets that were not where the ledger says. Never trusted; an alarm that something touched them.",
    ["topic", "partition"],
    registry=REGISTRAR,
)
CLOCK_STEP = Gauge(
    "natalog_clock_step_seconds",
    "Largest step back of the broker's clock beyond the allowed skew, seen in the last ten minutes: how far a record's "
    "time lay before its number's last decision. 0: none.",
    ["partition"],
    registry=REGISTRAR,
)
TAKEOVER_SECONDS = Histogram(
    "natalog_registrar_takeover_seconds",
    "Time from assignment of a partition to its first decision being possible.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
    registry=REGISTRAR,
)

# Watch ---------------------------------------------------------------------------------------------------------------

OBLIGATIONS_OPEN = Gauge(
    "natalog_obligations_open",
    "Registrations completed, not filed and not told as overdue.",
    ["province"],
    registry=WATCH,
)
OBLIGATION_OLDEST = Gauge(
    "natalog_obligation_oldest_seconds",
    "Age of the oldest of them since registration, in seconds; 0 where there is none.",
    ["province"],
    registry=WATCH,
)
WATCH_ALERTS = Counter(
    "natalog_watch_alerts",
    "FilingOverdue records sent, repeats after a restart included.",
    registry=WATCH,
)
WATCH_STALENESS = Gauge(
    "natalog_watch_staleness_seconds",
    "Seconds since all that had been appended was surely read, of the partition that lags most; 0 without partitions. "
    "So much later than due it tells of a missed filing.",
    registry=WATCH,
)
WATCH_LAG = Gauge(
    "natalog_watch_lag_records",
    "Records known to be unread at the last look. Those that were just appended are among them: see the staleness.",
    registry=WATCH,
)
WATCH_PARTITIONS = Gauge(
    "natalog_watch_partitions", "Partitions this watch holds; all watches together: 12.", registry=WATCH
)
WATCH_UNDECODABLE = Counter(
    "natalog_watch_undecodable",
    "Records skipped, by cause: unreadable, unknown schema (needs a newer build), undecidable (a fault in the rules).",
    ["cause"],
    registry=WATCH,
)
WATCH_MISSING = Counter(
    "natalog_watch_missing_records",
    "Offsets passed over without a record, by cause: expired before they were read, or a hole in the log.",
    ["cause"],
    registry=WATCH,
)
WATCH_CLOCK_OFFSET = Gauge(
    "natalog_watch_clock_offset_seconds",
    "Broker's clock minus this host's. The watch goes by the broker's as soon as it has seen it.",
    registry=WATCH,
)
WATCH_CLOCK_STEPS = Counter(
    "natalog_watch_clock_steps", "Times the broker's clock was seen to be set.", registry=WATCH
)

# Gateway -------------------------------------------------------------------------------------------------------------

GATEWAY_REQUESTS = Histogram(
    "natalog_gateway_request_seconds",
    "Time from a request to the end of its answer, by method, route template and status.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=GATEWAY,
)
GATEWAY_SUBMISSIONS = Counter(
    "natalog_gateway_submissions",
    "Submissions by kind and answer: ACCEPTED, REFUSED, repeated, pending, problem, range.",
    ["kind", "answer"],
    registry=GATEWAY,
)
GATEWAY_WAITING = Gauge(
    "natalog_gateway_waiting", "Submissions sent and not yet on the ledger.", registry=GATEWAY
)
GATEWAY_BULK = Gauge(
    "natalog_gateway_bulk_in_flight",
    "Share of the bulk lane's budget in use, in records of at most 4 KiB.",
    registry=GATEWAY,
)
GATEWAY_LIMITED = Counter(
    "natalog_gateway_limited",
    "Requests answered 429, by the limit they met: rate, streams, bytes.",
    ["limit"],
    registry=GATEWAY,
)
GATEWAY_CLOCK_OFFSET = Gauge(
    "natalog_gateway_clock_offset_seconds",
    "Broker's clock minus this host's, by the last status queries; NaN before the first. Status goes by the broker's.",
    registry=GATEWAY,
)
REPLICA_STALENESS = Gauge(
    "natalog_replica_staleness_seconds",
    "Age of what a gateway's status query knows, of the partition that lags most. Above the limit its "
    "numbers answer 503.",
    ["replica"],
    registry=GATEWAY,
)
VIEW_HALTED = Gauge(
    "natalog_view_halted",
    "1 while a view (a gateway's replica, the projection) cannot fold the partition. It stands still there until its "
    "process is upgraded or told the rule set; a gateway's status queries answer 503.",
    ["view", "partition"],
    registry=GATEWAY,
)
PROJECTOR.register(VIEW_HALTED)
CHECKS = Counter(
    "natalog_checks",
    "Certificate numbers asked about, by the province of the unit that asked and the status it was told.",
    ["province", "status"],
    registry=GATEWAY,
)
CHECK_SECONDS = Histogram(
    "natalog_check_seconds",
    "Time a status query took, recording the question included; many numbers in one query count once.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=GATEWAY,
)
SUBMIT_TO_VERDICT = Histogram(
    "natalog_submit_to_verdict_seconds",
    "Time from a single record in the producer's hands to its verdict. One still pending counts with the time waited, "
    "if that was a second or more. Streams and ranges are left out: their lines wait for each other.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=GATEWAY,
)

# What the ledger says, counted by the projector from its live head on ------------------------------------------------

FILINGS = Counter(
    "natalog_filings",
    "Registrations filed live, each at its first filing: on_time, late or untimed. `cause` is whose "
    "fault a late one was.",
    ["prefecture", "result", "cause"],
    registry=PROJECTOR,
)
FILING_DELAY = Histogram(
    "natalog_filing_delay_seconds",
    "From local registration to receipt of its filing, for filings that are timed. Due at 1800.",
    ["province"],
    buckets=(60, 120, 300, 600, 900, 1200, 1500, 1800, 2400, 3600, 7200, 14400, 43200, 86400, 604800),
    registry=PROJECTOR,
)
DECISIONS = Counter(
    "natalog_decisions",
    "Entries of the ledger, by kind of record.",
    ["kind", "verdict", "province"],
    registry=PROJECTOR,
)
REFUSALS = Counter(
    "natalog_refusals", "Refused records, by reason.", ["reason", "province"], registry=PROJECTOR
)
FLAGS = Counter(
    "natalog_flags", "Flags raised: facts of procedure.", ["flag", "province"], registry=PROJECTOR
)
DOUBTS = Counter(
    "natalog_doubts", "Doubts raised: the notice's seven patterns.", ["doubt", "province"], registry=PROJECTOR
)
OVERDUE_OPEN = Gauge(
    "natalog_overdue_open",
    "Registrations completed, overdue on the ledger and still not filed.",
    ["province"],
    registry=PROJECTOR,
)
CONTESTED_OPEN = Gauge(
    "natalog_contested_open",
    "Contests of a number that no withdrawal has decided yet, by the province of the unit whose record opened them.",
    ["province"],
    registry=PROJECTOR,
)

# Projection ----------------------------------------------------------------------------------------------------------

PROJECTION_LAG = Gauge(
    "natalog_projection_lag_entries",
    "Ledger offsets between the end of a partition and what PostgreSQL holds of it (transaction markers count too).",
    ["partition"],
    registry=PROJECTOR,
)
PROJECTION_FAILING = Gauge(
    "natalog_projection_failing",
    "1 while PostgreSQL takes nothing, by trouble: away, read_only, disk_full, busy, refused. Nothing is lost.",
    ["trouble"],
    registry=PROJECTOR,
)
PROJECTION_WAITING = Gauge(
    "natalog_projection_waiting_seconds",
    "Seconds that something has been waiting for PostgreSQL to commit it; 0: nothing waits. A database that hangs "
    "raises no error, so this alone tells of it.",
    registry=PROJECTOR,
)
PROJECTION_ENTRIES = Counter(
    "natalog_projection_entries",
    "Ledger entries put into PostgreSQL by this process.",
    registry=PROJECTOR,
)
PROJECTION_BATCH = Histogram(
    "natalog_projection_batch_seconds",
    "Time of one transaction of the projection.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=PROJECTOR,
)
PROJECTION_UNPLACED = Counter(
    "natalog_projection_unplaced",
    "Entries whose unit code names no known province. They stand in the tables without province.",
    registry=PROJECTOR,
)
AUDIT_STALENESS = Gauge(
    "natalog_audit_staleness_seconds",
    "Seconds since what was read of queries.audit was last written to PostgreSQL, or there was nothing to write.",
    registry=PROJECTOR,
)
AUDIT_SKIPPED = Counter(
    "natalog_audit_skipped",
    "Records of queries.audit that no row came of, by cause: unreadable, expired (retention was faster than we).",
    ["cause"],
    registry=PROJECTOR,
)
