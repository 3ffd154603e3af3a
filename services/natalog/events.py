"""One frozen dataclass per record of `schemas/`: the same names, the same order, no I/O, no clock.

What each field means stands in its schema's `doc`. Ids are `uuid.UUID`, hashes 32 bytes, times UTC
milliseconds since 1970, dates days since 1970-01-01, arrays tuples, codes plain strings (their vocabulary is
the rule set's). `python -m natalog.wire.check` finds a class that differs from its schema.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Whether sent as it happened or supplied later (来源)."""

    LIVE = "LIVE"
    BACKFILL = "BACKFILL"


class WithdrawalAction(StrEnum):
    """Step of the withdrawal (撤销环节)."""

    REQUEST = "REQUEST"
    APPROVE = "APPROVE"


class BlacklistAction(StrEnum):
    """What to do (操作)."""

    ADD = "ADD"
    REQUEST_REMOVE = "REQUEST_REMOVE"
    APPROVE_REMOVE = "APPROVE_REMOVE"


class InvalidationAction(StrEnum):
    """What to do (操作)."""

    VOID = "VOID"
    REINSTATE = "REINSTATE"


class Verdict(StrEnum):
    """Outcome (裁定)."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    REPEATED = "REPEATED"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who sent it, as the gateway authenticated it (提交主体)."""

    sub: str
    org: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Reserves a number for a unit while its desk registers the child (占用). Expires by the rule set."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Gives a claim back (释放占用)."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A registration was completed locally (办结回执); opens the 30-minute obligation (notice, 三)."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    registration_id: str
    registered_at: int
    exemption: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSix:
    """What the notice, 二.二, demands for a first registration after six (六周岁以上首次申报)."""

    visit: bool = False
    face: bool = False
    fingerprint: bool = False
    dna: bool = False
    approval_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The report of one completed registration (备案), due within 30 minutes (notice, section 三)."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    registration_id: str
    registered_at: int | None = None
    registered_on: int | None = None
    captured_at: int | None = None
    attempted_at: int | None = None
    division: str | None = None
    category: str = "ORDINARY"
    household_kind: str | None = None
    relation_to_head: str | None = None
    follows: str | None = None
    placement_basis: str | None = None
    basis_ref: str | None = None
    birth_date: int | None = None
    parents_married: bool | None = None
    paternity_evidence: str | None = None
    over_six: OverSix | None = None
    case_ref: str | None = None
    exemption: str | None = None
    gate: str | None = None
    origin: Origin = Origin.LIVE
    corrects: uuid.UUID | None = None
    child_token: str | None = None
    mother_token: str | None = None
    father_token: str | None = None
    sealed: bytes | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A registration does not belong on this number (撤销登记): one person requests, another approves."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    registration_id: str
    action: WithdrawalAction
    request_id: uuid.UUID | None = None
    cause: str | None = None
    evidence_ref: str | None = None
    origin: Origin = Origin.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistChange:
    """A prefecture lists a number or asks to unlist it (黑名单变更); notice, section 三.三."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    action: BlacklistAction
    cause: str | None = None
    owner: str
    effective_at: int | None = None
    evidence_ref: str | None = None
    request_id: uuid.UUID | None = None
    range_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalidation:
    """The issuing authority voids a certificate or takes that back (作废/恢复)."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    action: InvalidationAction
    issuer: str
    cause: str | None = None
    effective_at: int | None = None
    replaced_by: str | None = None
    evidence_ref: str | None = None
    range_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """This number was issued in exchange for another (换发承继). Produced by the registrar itself."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    predecessor: str | None = None
    registration_id: str | None = None
    chain: tuple[str, ...] = ()
    ended: bool = False
    contested_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingOverdue:
    """The watch saw no filing by the due time (逾期未备案)."""

    event_id: uuid.UUID
    certificate_number: str | None = None
    unit_code: str
    occurred_at: int | None = None
    submitter: Principal
    registration_id: str
    due_at: int
    observed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A repeat of a record that is on the ledger already (重复提交)."""

    event_id: uuid.UUID
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record that is no intake record (无法解析)."""

    hash: bytes
    length: int
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision on the ledger (台账条目), chained by SHA-256 over the value of the entry before."""

    seq: int
    prev: bytes
    topic: str
    offset: int
    received_at: int
    rules: int
    verdict: Verdict
    reason: str | None = None
    flags: tuple[str, ...]
    doubts: tuple[str, ...]
    first: int | None = None
    delay_ms: int | None = None
    claim_expires_at: int | None = None
    key: bytes | None = None
    input: bytes | Repeat | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Head of one partition (分区末端)."""

    partition: int
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSetRef:
    """A rule set in use (规则集)."""

    version: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed statement of the heads of the ledger (台账检查点), C2SP signed note."""

    cluster_id: str
    topic_id: uuid.UUID
    heads: tuple[Head, ...]
    rules: tuple[RuleSetRef, ...]
    made_at: int
    prev: bytes
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One number and what was answered (查询结果)."""

    certificate_number: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRecord:
    """Who asked what about which number (查询记录); kept at least six months (CSL art. 21)."""

    check_id: uuid.UUID
    asked_at: int
    submitter: Principal
    purpose: str
    officer: str | None = None
    answers: tuple[Answer, ...]
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A sign of life of an edge agent (心跳)."""

    event_id: uuid.UUID
    unit_code: str
    occurred_at: int
    submitter: Principal
    agent_version: str
    spooled: int
    oldest_captured_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCount:
    """How many registrations a unit completed on a day, to be held against its filings (日登记数)."""

    event_id: uuid.UUID
    unit_code: str
    occurred_at: int
    submitter: Principal
    counted_on: int
    registrations: int
    exempt: int


Intake = (
    Claim
    | Release
    | Completion
    | Filing
    | Withdrawal
    | BlacklistChange
    | Invalidation
    | Succession
    | FilingOverdue
)
"""What the registrar decides: exactly one ledger entry each."""

Record = Intake | Entry | Checkpoint | QueryRecord | Heartbeat | DailyCount
"""What stands on a topic as a value."""

INTAKE: tuple[type[Intake], ...] = (
    Claim,
    Release,
    Completion,
    Filing,
    Withdrawal,
    BlacklistChange,
    Invalidation,
    Succession,
    FilingOverdue,
)
RECORDS: tuple[type[Record], ...] = (*INTAKE, Entry, Checkpoint, QueryRecord, Heartbeat, DailyCount)
"""Every record class, by which schemas, dataclasses and the codec are held together."""
