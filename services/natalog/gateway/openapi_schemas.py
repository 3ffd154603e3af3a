"""JSON Schemas (2020-12) of what the gateway answers; those of records come from their Avro schemas."""

from __future__ import annotations

from typing import Any, Final

from natalog.decision.codes import DOUBTS, FLAGS, REASONS, Code
from natalog.gateway.problems import TITLES
from natalog.gateway.ranges import MAX_NUMBERS
from natalog.gateway.status import WARNINGS, Status

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(description: str, *, optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object whose properties are all there but the optional ones, and no others."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _uuid(description: str) -> Schema:
    return text(description, format="uuid")


def _time(description: str) -> Schema:
    return text(f"{description} RFC 3339, UTC.", format="date-time")


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _count(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _codes(table: tuple[Code, ...]) -> str:
    return "; ".join(f"{code.code} ({code.zh})" for code in table if code.code)


def _list(description: str) -> Schema:
    return {"type": "array", "items": {"type": "string"}, "description": description}


_NUMBER: Final = text("Certificate number in its normal form (出生医学证明编号).")

VERDICT: Final = record(
    "What the ledger says about one record (裁定). The same for every repeat, however old.",
    event_id=_uuid("Of the record."),
    kind=text("Kind of the record, as Filing."),
    certificate_number=_or_null(text("Its number: normal form where well-formed, else as received.")),
    verdict=text("ACCEPTED or REFUSED; both are recorded.", enum=["ACCEPTED", "REFUSED"]),
    reason=_or_null(text(f"Why it was refused: {_codes(REASONS)}. A newer rule set may know more.")),
    flags=_list(f"Facts of procedure: {_codes(FLAGS)}. A newer rule set may know more."),
    doubts=_list(f"The notice's seven patterns (存疑落户): {_codes(DOUBTS)}."),
    message=text("Sentences for a person, in the language asked for, else in both."),
    suggestion=_or_null(text("What a malformed number may have been meant to be.")),
    received_at=_time("When the broker received it: the ministry's clock."),
    delay_ms=_or_null(_count("Milliseconds from the registration to `received_at`, where it was timed.")),
    claim_expires_at=_or_null(_time("When a granted claim ends.")),
    first=_or_null(_count("`seq` of the entry that took the number, or of the listing, or of the original.")),
    rules=_count("Rule set it was decided by."),
    ledger=record(
        "Where the entry stands (台账位置).",
        partition=_count("Partition of the ledger."),
        seq=_count("Its place there, without a gap from 0."),
        hash=text("SHA-256 of the entry, which the next one names.", pattern="^[0-9a-f]{64}$"),
    ),
)

PENDING: Final = record(
    "Not on the ledger yet, or nobody knows whether it was sent. Ask at `location`, or send it again.",
    event_id=_uuid("Of the record."),
    status={"const": 202, "description": "202, as in a line of a stream."},
    location=text("Where the verdict will be found."),
)

RECORDED: Final = record(
    "The report is recorded; there is no verdict.",
    event_id=_uuid("Of the report."),
    status={"const": 202, "description": "Always 202."},
)

RANGE: Final = record(
    "The numbers of the record (号段), instead of `certificate_number`: same letter, same province, "
    f"at most {MAX_NUMBERS:,}. Every number gets an event id of its own, UUIDv5(event_id, number).",
    first=text("First number."),
    last=text("Last number, inclusive."),
)

RANGE_TAKEN: Final = record(
    "Every record of the range stands on its topic and will be decided.",
    range_id=_uuid("Of the range: the `event_id` sent."),
    count=_count("Numbers in the range."),
    location=text("Where the verdicts are counted."),
)

RANGE_COUNTS: Final = record(
    "How a range was decided so far. It is all decided when `decided` is the `count` of the 202.",
    range_id=_uuid("Of the range."),
    decided=_count("Numbers with a verdict: that of their first record under this id."),
    verdicts=record(
        "Numbers by verdict.", ACCEPTED=_count("Numbers accepted."), REFUSED=_count("Numbers refused.")
    ),
    reasons={
        "type": "object",
        "description": "Refused numbers by reason.",
        "additionalProperties": _count("Numbers."),
    },
    flags={
        "type": "object",
        "description": "Numbers by flag.",
        "additionalProperties": _count("Numbers."),
    },
    reused=_count(
        "Records that said something else under this id: EVENT_ID_REUSED, and no part of the counts."
    ),
)

BLACKLIST: Final = record(
    "A page of blacklist entries, by owner and number (黑名单).",
    entries={
        "type": "array",
        "description": "Entries, removed ones too.",
        "items": record(
            "One owner's entry for one number.",
            certificate_number=_NUMBER,
            owner=text("Prefecture whose entry it is, GB/T 2260."),
            listed=_flag("Whether it stands now."),
            cause=_or_null(text("Why it stands (列入原因).")),
            listed_at=_or_null(_time("Since when it stands.")),
            effective_at=_or_null(_time("From when it was meant to bind.")),
            removal_requests=_list("Event ids of removal requests nobody has approved yet."),
            history={
                "type": "array",
                "description": "Accepted changes, oldest first.",
                "items": record(
                    "One change.",
                    event_id=_uuid("Of the change."),
                    action=text("ADD, REQUEST_REMOVE or APPROVE_REMOVE."),
                    cause=_or_null(text("Why.")),
                    effective_at=_or_null(_time("From when it was meant to bind.")),
                    received_at=_time("When the broker received it."),
                    evidence_ref=_or_null(text("Reference of the evidence (证据文号).")),
                    request_id=_or_null(_uuid("Request an approval cites.")),
                    range_id=_or_null(_uuid("Range it came in.")),
                    unit_code=text("Unit or authority it is from."),
                    submitter=text("`sub` of who sent it: opaque."),
                    flags=_list("Flags of its verdict."),
                    seq=_count("Its place on the number's partition of the ledger."),
                ),
            },
        ),
    },
    next=_or_null(text("Cursor for `after`; null on the last page. A page may be short and yet have one.")),
)

STATUS: Final = record(
    "What a desk needs to know before it registers (使用记录查询). Only `usable: true` is a yes.",
    optional=("suggestion",),
    certificate_number=text("The number asked about."),
    status=text("The gravest that holds; UNKNOWN is never a yes.", enum=[s.value for s in Status]),
    usable=_flag("Whether the asking unit may register with it: UNUSED, or CLAIMED by itself."),
    used=_flag("A registration stands on it."),
    blacklisted=_flag("A blacklist entry binds."),
    invalidated=_flag("Its issuer voided it."),
    contested=_flag("A second registration tried it."),
    claimed_by_me=_flag("The asking unit holds an open claim."),
    warnings=_list(
        "What else to know (提示). "
        + " ".join(f"{code.code} ({code.zh}): {code.text}" for code in WARNINGS)
        + " A newer release may know more."
    ),
    check_id=_or_null(
        _uuid(
            "Of the query as it was recorded; a filing names it as its `gate`. null: nobody knows whether it was "
            "recorded as answered here, so there is nothing to name."
        )
    ),
    as_of=record(
        "What the answer has seen.",
        token=_or_null(text("For `after`: an answer that has seen at least this much.")),
        time=_or_null(
            _time(
                "By the broker's clock. Everything sent until then is in the answer, but for ranges and backfill "
                "(`origin` BACKFILL): they wait behind what is live, for minutes or days, and until they are decided "
                "their numbers are answered as they were. A desk goes by `usable` all the same: what binds its filing "
                "is what the ledger has decided when that comes. `GET /v1/ranges/{range_id}` tells how far a range is."
            )
        ),
    ),
    staleness_ms=_or_null(_count("Age of what `as_of.time` says, when the question was asked.")),
    suggestion=_or_null(text("What a malformed number may have been meant to be.")),
)

PROBLEM: Final = record(
    "RFC 9457. A 4xx means that nothing was recorded. Never repeats a value that was sent.",
    optional=("field", "suggestion", "event_id", "line", "retry_after"),
    type=text("What kind of problem.", enum=[f"urn:natalog:problem:{kind}" for kind in TITLES]),
    title=text("The kind in words."),
    status={"type": "integer", "description": "The HTTP status; in a stream that of the line."},
    detail=text("What is wrong and what to do."),
    field=text("The field it is about, dotted inside an object."),
    suggestion=text("What to send instead, or how to."),
    event_id=text("Event id of the refused record, where it has one."),
    line={
        "type": "integer",
        "minimum": 1,
        "description": "Line of a stream's body it is about; absent where that is the whole body.",
    },
    retry_after={"type": "integer", "minimum": 0, "description": "Seconds to wait before sending again."},
)

COMPONENTS: Final = {
    "Verdict": VERDICT,
    "Pending": PENDING,
    "Recorded": RECORDED,
    "Range": RANGE,
    "RangeTaken": RANGE_TAKEN,
    "RangeCounts": RANGE_COUNTS,
    "Blacklist": BLACKLIST,
    "Status": STATUS,
    "Problem": PROBLEM,
}
