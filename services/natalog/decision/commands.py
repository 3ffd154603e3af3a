"""What a decision looks at: intake records, stripped to the fields that rules read.

Plain native classes rather than the frozen dataclasses of `natalog.events`: building one of these from
bytes costs a fraction of a microsecond when compiled, and the registrar builds one per record. The reader
in `wire/hot.py` is generated from the schemas and from the parameters of each `__init__` here.

Shapes: ids and hashes are bytes (16 and 32), times are UTC milliseconds, dates are days since 1970-01-01.
`number` is the certificate number, normalised when well-formed, else as received; None when there is none.
`numbered` says whether `number` is well-formed, asked once. `content` is the SHA-256 of the record's content (see
wire/content.py), by which a repeat is told from a reuse.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision.numbers import is_wellformed

ROLE_BITS: Final[dict[str, int]] = {
    "station": 1,
    "adapter": 2,
    "prefecture_admin": 4,
    "province_admin": 8,
    "health_authority": 16,
    "operator": 32,
    "auditor": 64,
    "registrar": 128,
    "watch": 256,
}
"""Roles of DESIGN section 8, and the two principals inside Natalog that send records; a bit each."""


class Command:
    """What every intake record has in common."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
    ) -> None:
        self.event_id: bytes = event_id
        self.number: str | None = number
        self.unit_code: str = unit_code
        self.sub: str = sub
        self.org: str = org
        self.roles: i64 = roles
        self.content: bytes = content
        self.numbered: bool = number is not None and is_wellformed(number)


class Claim(Command):
    """Reserve the number for this unit (占用)."""


class Release(Command):
    """Give a claim back (释放占用)."""


class Completion(Command):
    """The registration is completed locally (办结回执); its filing is due within the SLA."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        registration_id: str,
        registered_at: i64,
        exemption: str | None,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.registration_id: str = registration_id
        self.registered_at: i64 = registered_at
        self.exemption: str | None = exemption


class OverSix:
    """Which of the checks after the sixth birthday are there (notice, section 二.二)."""

    def __init__(
        self, visit: bool, face: bool, fingerprint: bool, dna: bool, approval_ref: str | None
    ) -> None:
        self.visit: bool = visit
        self.face: bool = face
        self.fingerprint: bool = fingerprint
        self.dna: bool = dna
        self.approval_ref: str | None = approval_ref


class Filing(Command):
    """A completed registration (备案)."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        registration_id: str,
        registered_at: int | None,
        registered_on: int | None,
        category: str,
        household_kind: str | None,
        relation_to_head: str | None,
        follows: str | None,
        placement_basis: str | None,
        basis_ref: str | None,
        birth_date: int | None,
        parents_married: bool | None,
        paternity_evidence: str | None,
        over_six: OverSix | None,
        case_ref: str | None,
        exemption: str | None,
        gate: str | None,
        backfill: bool,
        corrects: bytes | None,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.registration_id: str = registration_id
        self.registered_at: int | None = registered_at
        self.registered_on: int | None = registered_on
        self.category: str = category
        self.household_kind: str | None = household_kind
        self.relation_to_head: str | None = relation_to_head
        self.follows: str | None = follows
        self.placement_basis: str | None = placement_basis
        self.basis_ref: str | None = basis_ref
        self.birth_date: int | None = birth_date
        self.parents_married: bool | None = parents_married
        self.paternity_evidence: str | None = paternity_evidence
        self.over_six: OverSix | None = over_six
        self.case_ref: str | None = case_ref
        self.exemption: str | None = exemption
        self.gate: str | None = gate
        self.backfill: bool = backfill  # field `origin` is BACKFILL
        self.corrects: bytes | None = corrects


class Withdrawal(Command):
    """A registration does not belong on this number (撤销登记)."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        registration_id: str,
        action: i64,
        request_id: bytes | None,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.registration_id: str = registration_id
        self.action: i64 = action  # index into WITHDRAWAL_ACTIONS
        self.request_id: bytes | None = request_id


class BlacklistChange(Command):
    """A prefecture lists the number or asks to unlist it (黑名单变更)."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        action: i64,
        cause: str | None,
        owner: str,
        effective_at: int | None,
        request_id: bytes | None,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.action: i64 = action  # index into BLACKLIST_ACTIONS
        self.cause: str | None = cause
        self.owner: str = owner
        self.effective_at: int | None = effective_at
        self.request_id: bytes | None = request_id


class Invalidation(Command):
    """The issuer voids a certificate or takes that back (作废/恢复)."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        action: i64,
        issuer: str,
        cause: str | None,
        effective_at: int | None,
        replaced_by: str | None,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.action: i64 = action  # index into INVALIDATION_ACTIONS
        self.issuer: str = issuer
        self.cause: str | None = cause
        self.effective_at: int | None = effective_at
        self.replaced_by: str | None = replaced_by


class Succession(Command):
    """This number was issued in exchange for another (换发承继); sent by the registrar itself."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        predecessor: str | None,
        registration_id: str | None,
        chain: list[str],
        ended: bool,
        contested_by: str | None,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.predecessor: str | None = predecessor
        self.registration_id: str | None = registration_id
        self.chain: list[str] = chain
        self.ended: bool = ended
        self.contested_by: str | None = contested_by


class FilingOverdue(Command):
    """The watch saw no filing by the due time (逾期未备案)."""

    def __init__(
        self,
        event_id: bytes,
        number: str | None,
        unit_code: str,
        sub: str,
        org: str,
        roles: i64,
        content: bytes,
        registration_id: str,
        due_at: i64,
    ) -> None:
        super().__init__(event_id, number, unit_code, sub, org, roles, content)
        self.registration_id: str = registration_id
        self.due_at: i64 = due_at


# Indices of the action enums, in the order of the schemas' symbols.
REQUEST: Final = 0
APPROVE: Final = 1
ADD: Final = 0
REQUEST_REMOVE: Final = 1
APPROVE_REMOVE: Final = 2
VOID: Final = 0
REINSTATE: Final = 1
