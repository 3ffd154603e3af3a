"""One step of a partition: intake records become entries (`decide_batch`), entries become state (`fold_batch`).

Pure but for the lists it is handed, and compiled: this is the hot loop. The registrar calls the first, every
reader the second, and the audit (`replay/`) both. An entry counts only if it extends the head: its `seq` and
`prev` fit and its cause lies after the last one of that topic. Any other is void.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.commands import (
    BlacklistChange,
    Claim,
    Command,
    Completion,
    Filing,
    FilingOverdue,
    Invalidation,
    Release,
    Succession,
    Withdrawal,
)
from natalog.decision.decide import apply, decide
from natalog.decision.packing import pack, unpack
from natalog.decision.rules import RuleSet
from natalog.decision.state import NumberState
from natalog.decision.successions import Emission, Handed, emissions, handed_on, notice_back
from natalog.decision.verdict import Decision, refused
from natalog.events import Principal
from natalog.events import Succession as SuccessionRecord
from natalog.ledger.head import Head
from natalog.wire.codec import encode
from natalog.wire.errors import UnknownCode, UnknownFingerprint, Unreadable
from natalog.wire.fields import looks_like_citizen_id
from natalog.wire.hot import (
    RECORD_INPUT,
    UNREADABLE_INPUT,
    EntryView,
    encode_entry,
    encode_repeat_entry,
    encode_unreadable_entry,
    read_command,
    read_entry,
)
from natalog.wire.murmur2 import partition_of
from natalog.wire.partition import key_for
from natalog.wire.topics import INTAKE_TOPICS, TOPICS

PARTITIONS: Final[i64] = 12
"""Partitions of intake and ledger, for ever (DESIGN section 4)."""
LONGEST_REGISTRATION_ID: Final[i64] = 64


def _topics_of() -> dict[type[Command], int]:
    """Intake topics a kind of record may lie on, as a mask of their places."""
    kinds: list[type[Command]] = [
        Claim,
        Release,
        Completion,
        Filing,
        Withdrawal,
        BlacklistChange,
        Invalidation,
        Succession,
        FilingOverdue,
    ]
    masks: dict[type[Command], int] = {}
    for kind in kinds:
        masks[kind] = 0
        for place, topic in enumerate(INTAKE_TOPICS):
            if kind.__name__ in TOPICS[topic].records:
                masks[kind] |= 1 << place
    return masks


_TOPICS_OF: Final[dict[type[Command], int]] = _topics_of()


class Outcome:
    """What a batch of intake records became."""

    def __init__(self, head: Head) -> None:
        self.entries: list[tuple[bytes, bytes]] = []  # (key, value), in order
        self.states: dict[bytes, bytes] = {}  # packed new states by key
        self.successions: list[tuple[bytes, int, bytes]] = []  # (key, partition, value)
        self.head: Head = head  # after the batch; its offset is not advanced
        self.clock_step: i64 = (
            0  # ms the broker's clock lay before a number's last decision, beyond the skew: the most
        )


class Folded:
    """What a stretch of the ledger became."""

    def __init__(self, head: Head) -> None:
        self.states: dict[bytes, bytes] = {}
        self.void: list[int] = []  # ledger offsets of void entries
        self.head: Head = head


class _States:
    """States of the keys a batch touches, unpacked once."""

    def __init__(self, packed: dict[bytes, bytes]) -> None:
        self._packed: dict[bytes, bytes] = packed
        self._live: dict[bytes, NumberState] = {}
        self._changed: dict[bytes, NumberState] = {}

    def get(self, key: bytes) -> NumberState:
        state = self._live.get(key)
        if state is None:
            packed = self._packed.get(key)
            state = NumberState() if packed is None else unpack(packed)
            self._live[key] = state
        return state

    def changed(self, key: bytes, state: NumberState) -> None:
        self._changed[key] = state

    def packed(self) -> dict[bytes, bytes]:
        return {key: pack(state) for key, state in self._changed.items()}


def demanded_key(command: Command) -> bytes:
    """The Kafka key a record's content demands (DESIGN section 4)."""
    number = command.number
    if number is not None and command.numbered:
        return number.encode("utf-8")
    registration_id: str | None = None
    if isinstance(command, (Filing, Completion, Withdrawal, FilingOverdue)):
        registration_id = command.registration_id
    return key_for(command.number, registration_id, command.event_id)


def is_misrouted(command: Command, key: bytes, demanded: bytes, topic: i64, partition: i64) -> bool:
    """Whether a record lies where its content does not belong (key, partition, topic), or has a bad registration id."""
    return (
        key != demanded
        or partition_of(key, PARTITIONS) != partition
        or _TOPICS_OF[type(command)] >> topic & 1 == 0
        or not _names_its_registration(command)
    )


def _names_its_registration(command: Command) -> bool:
    """Whether the registration id of a record that has one is one."""
    if isinstance(command, (Filing, Completion, Withdrawal, FilingOverdue)):
        return is_registration_id(command.registration_id)
    if isinstance(command, Succession):
        registration_id = command.registration_id
        return registration_id is None or is_registration_id(registration_id)
    return True


def is_registration_id(text: str) -> bool:
    """Whether `text` is `[A-Za-z0-9-]{1,64}` and holds no citizen ID: what the gateway lets pass (wire/fields.py)."""
    size: i64 = len(text)
    if size < 1 or size > LONGEST_REGISTRATION_ID:
        return False
    if not text.isascii() or not text.replace("-", "0").isalnum():
        return False
    if size < 15:
        return True
    # A citizen ID has 15 or 18 characters, and of what is allowed here only a hyphen may stand beside it.
    return not any(len(part) in (15, 18) and looks_like_citizen_id(part) for part in text.split("-"))


def decide_batch(
    head: Head,
    partition: i64,
    topics: list[int],
    offsets: list[int],
    timestamps: list[int],
    keys: list[bytes],
    values: list[bytes | None],
    states: dict[bytes, bytes],
    rules: RuleSet,
    seal: Callable[[bytes], bytes],
) -> Outcome:
    """Decides intake records of one partition, in order. `states`: packed states of their keys, if there are any.

    Raises UnknownFingerprint, and whatever a fault in the rules raises: the partition must halt then, and
    nothing of the batch may be written.
    """
    out = Outcome(head.copy())
    after = out.head
    live = _States(states)
    seq: i64 = head.seq
    prev = head.prev
    version: i64 = rules.version
    for i in range(len(offsets)):
        topic: i64 = topics[i]
        offset: i64 = offsets[i]
        received_at: i64 = timestamps[i]
        key = keys[i]
        value = values[i]
        try:
            command = read_command(value)
        except UnknownFingerprint:
            raise
        except Unreadable:
            raw = b"" if value is None else value
            entry = encode_unreadable_entry(
                seq,
                prev,
                topic,
                offset,
                received_at,
                version,
                codes.UNREADABLE,
                0,
                0,
                0,
                -1,
                -1,
                -1,
                key,
                sha256(raw).digest(),
                len(raw),
                seal(raw),
            )
        else:
            demanded = demanded_key(command)
            other: bytes | None = None
            if is_misrouted(command, key, demanded, topic, partition):
                decision = refused(codes.MISROUTED)
                if key != demanded:
                    other = key
            else:
                state = live.get(key)
                if received_at + rules.skew_ms < state.last_at:
                    step: i64 = state.last_at - received_at
                    if step > out.clock_step:
                        out.clock_step = step
                decision = decide(state, command, received_at, rules)
                if decision.verdict != codes.REPEATED:
                    _advance(state, command, decision, seq, received_at, out)
                    live.changed(key, state)
            if decision.verdict == codes.REPEATED:
                entry = encode_repeat_entry(
                    seq,
                    prev,
                    topic,
                    offset,
                    received_at,
                    version,
                    codes.REPEATED,
                    0,
                    0,
                    0,
                    decision.first,
                    -1,
                    -1,
                    None,
                    command.event_id,
                    command.content,
                )
            else:
                assert value is not None
                entry = encode_entry(
                    seq,
                    prev,
                    topic,
                    offset,
                    received_at,
                    version,
                    decision.verdict,
                    decision.reason,
                    decision.flags,
                    decision.doubts,
                    decision.first,
                    decision.delay_ms,
                    decision.claim_expires_at,
                    other,
                    value,
                )
        out.entries.append((key, entry))
        prev = sha256(entry).digest()
        seq += 1
        after.causes[topic] = offset
    after.seq = seq
    after.prev = prev
    out.states = live.packed()
    return out


def _advance(
    state: NumberState, command: Command, decision: Decision, seq: i64, received_at: i64, out: Outcome
) -> None:
    """`apply`, and the Successions that the change calls for."""
    number = command.number
    if state.void is None and not isinstance(command, Invalidation) and not isinstance(command, Succession):
        apply(state, command, decision, seq, received_at)
        return
    if number is None:
        apply(state, command, decision, seq, received_at)
        return
    before: Handed | None = handed_on(state, number)
    apply(state, command, decision, seq, received_at)
    told = emissions(number, command.event_id, before, handed_on(state, number))
    if decision.flags & codes.SUCCEEDED_AFTER_USE and isinstance(command, Succession):
        notice_back(number, command, told)
    for emission in told:
        key = emission.target.encode()
        value = encode(succession_record(emission, command, received_at))
        out.successions.append((key, int(partition_of(key, PARTITIONS)), value))


def succession_record(emission: Emission, cause: Command, received_at: i64) -> SuccessionRecord:
    """The record the registrar sends; all of it follows from the cause, so deciding again gives the same bytes."""
    return SuccessionRecord(
        event_id=uuid.UUID(bytes=emission.event_id),
        certificate_number=emission.target,
        unit_code=cause.unit_code,
        occurred_at=int(received_at),
        submitter=Principal(sub="registrar", org="", roles=("registrar",)),
        predecessor=emission.predecessor or None,
        registration_id=emission.registration_id or None,
        chain=tuple(emission.chain),
        ended=emission.ended,
        contested_by=emission.contested_by or None,
    )


def fold_batch(
    head: Head,
    partition: i64,
    offsets: list[int],
    keys: list[bytes],
    values: list[bytes],
    states: dict[bytes, bytes],
) -> Folded:
    """Folds a stretch of one partition's ledger. `offsets` are the ledger's own, in order.

    Raises UnknownFingerprint or UnknownCode for an entry of a newer build, which must not be guessed at.
    """
    out = Folded(head.copy())
    after = out.head
    live = _States(states)
    for i in range(len(offsets)):
        value = values[i]
        key = keys[i]
        entry = extends(after, key, value)
        if entry is None:
            out.void.append(offsets[i])
        else:
            command = command_of(entry)
            if command is not None:
                state = live.get(key)
                apply(state, command, decision_of(entry), entry.seq, entry.received_at)
                live.changed(key, state)
            advance(after, entry, value)
        after.offset = offsets[i] + 1
    out.states = live.packed()
    return out


def extends(head: Head, key: bytes, value: bytes) -> EntryView | None:
    """The entry in `value` if it extends `head`; None if it is void.

    Raises UnknownFingerprint or UnknownCode for what may be the next entry, written by a newer build. What extends
    the head holds its hash, whatever the schema (ADR 12): other bytes are void, known schema or not.
    """
    try:
        entry = read_entry(value)
    except (UnknownFingerprint, UnknownCode):
        if head.prev in value:
            raise
        return None
    except Unreadable:
        return None
    if entry.seq != head.seq or entry.prev != head.prev or entry.offset <= head.causes[entry.topic]:
        return None
    if entry.kind == RECORD_INPUT:
        try:
            demanded = demanded_key(read_command(entry.input)) if entry.key is None else entry.key
        except UnknownFingerprint:
            raise
        except Unreadable:
            return None
        return entry if key == demanded else None
    if entry.kind == UNREADABLE_INPUT:
        return entry if key == entry.key else None
    return entry


def advance(head: Head, entry: EntryView, value: bytes) -> None:
    """Moves `head` past a valid entry; its ledger offset is the caller's to move."""
    head.seq = entry.seq + 1
    head.prev = sha256(value).digest()
    head.causes[entry.topic] = int(entry.offset)


def command_of(entry: EntryView) -> Command | None:
    """The record an entry folds into its number's state; None where it changes none."""
    if entry.kind != RECORD_INPUT or entry.reason == codes.MISROUTED:
        return None
    return read_command(entry.input)


def decision_of(entry: EntryView) -> Decision:
    """What an entry says, as `decide` said it."""
    decision = Decision(entry.verdict, entry.reason, entry.flags, entry.first)
    decision.doubts = entry.doubts
    decision.delay_ms = entry.delay_ms
    decision.claim_expires_at = entry.claim_expires_at
    return decision
