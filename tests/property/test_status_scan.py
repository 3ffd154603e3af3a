"""What the quick walk takes for a valid entry the reference takes too, for the same, and the other way round."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natalog.decision import codes
from natalog.events import Origin
from natalog.ledger.head import Head
from natalog.ledger.step import advance, command_of, extends
from natalog.status import glance
from natalog.status.glance import code_of, scan
from natalog.wire.codec import encode
from natalog.wire.errors import UnknownCode, UnknownFingerprint
from natalog.wire.hot import RECORD_INPUT, encode_entry, read_entry
from natalog.wire.schemas import HEADER_SIZE, SCHEMAS
from tests.property.decision_histories import history
from tests.property.test_decision_fold import SPLITS, cut, decided

HISTORIES = st.builds(history, st.integers(0, 2**32), st.integers(1, 60))


def test_the_walk_follows_the_newest_schemas():
    """Fails when a schema changed: let `glance` follow it, or rebuilding is slow (never wrong)."""
    assert SCHEMAS["Filing"].newest.header == glance.FILING
    assert SCHEMAS["Entry"].newest.header == glance.ENTRY
    assert glance.BODY == HEADER_SIZE


def by_reference(head: Head, offsets, keys, values):
    """Head, void offsets, events with their places, what may change a number: the long way."""
    after, void, events, rest = head.copy(), [], [], []
    for at, (key, value) in enumerate(zip(keys, values, strict=True)):
        entry = extends(after, key, value)
        if entry is None:
            void.append(offsets[at])
            continue
        event = entry.input[10:26] if entry.kind == RECORD_INPUT else entry.event_id
        if len(event) == 16:
            events.append((at, event))
        if entry.kind == RECORD_INPUT and entry.reason != codes.MISROUTED:
            rest.append((at, type(command_of(entry)).__name__, entry.verdict, entry.flags, key))
        advance(after, entry, value)
    return (after.seq, after.prev, after.causes), void, events, rest


def by_scan(head: Head, offsets, keys, values):
    out = scan(head, offsets, keys, values)
    rest = [
        (at, type(command_of(entry)).__name__, entry.verdict, entry.flags, keys[at])
        for at, entry in zip(out.rest_at, out.rest, strict=True)
    ]
    for at, code in zip(out.plain_at, out.plain, strict=True):
        entry = read_entry(values[at])
        assert code == code_of(keys[at].decode())
        assert entry.verdict == codes.ACCEPTED
        assert not entry.flags & (codes.AMENDMENT | codes.CONTESTED)
        rest.append((at, type(command_of(entry)).__name__, entry.verdict, entry.flags, keys[at]))
    head = out.head
    events = list(zip(out.at, out.events, strict=True))
    return (head.seq, head.prev, head.causes), out.void, events, sorted(rest)


def same(entries):
    offsets = list(range(len(entries)))
    keys, values = [k for k, _ in entries], [v for _, v in entries]
    try:
        wanted = by_reference(Head.genesis(), offsets, keys, values)
    except (UnknownCode, UnknownFingerprint) as error:
        with pytest.raises(type(error)):
            by_scan(Head.genesis(), offsets, keys, values)
        return
    assert by_scan(Head.genesis(), offsets, keys, values) == wanted


@settings(max_examples=60, deadline=None)
@given(HISTORIES, SPLITS)
def test_the_same_entries_count(sent, sizes):
    entries = decided(*cut(sent, sizes)).entries
    same(entries)
    same([*entries, *entries[-3:]])


def plain_filings(sent):
    """Filings of the history as they would stand if each took its number: what the walk is for."""
    filings = [s.record for s in sent if type(s.record).__name__ == "Filing" and s.record.certificate_number]
    head, out = Head.genesis(), []
    for at, record in enumerate(filings):
        value = encode(replace(record, origin=Origin.LIVE if at % 2 else Origin.BACKFILL))
        entry = encode_entry(
            head.seq, head.prev, 0, at, 1_782_871_200_000 + at, 1, codes.ACCEPTED, 0,
            [0, codes.UNCHECKED, codes.FILED_LATE | codes.UNCHECKED, codes.AMENDMENT][at % 4],
            [0, codes.VOID_CERTIFICATE][at % 2], -1, [-1, 60_000][at % 2], -1, None, value,
        )  # fmt: skip
        key = record.certificate_number.encode()
        entry_view = extends(head, key, entry)
        assert entry_view is not None
        advance(head, entry_view, entry)
        out.append((key, entry))
    return out


@settings(max_examples=300, deadline=None)
@given(HISTORIES, st.data())
def test_a_damaged_entry_is_judged_alike(sent, data):
    entries = plain_filings(sent)
    if not entries:
        return
    assert not scan(
        Head.genesis(), list(range(len(entries))), [k for k, _ in entries], [v for _, v in entries]
    ).void
    for _ in range(5):
        place = data.draw(st.integers(0, len(entries) - 1))
        key, value = entries[place]
        at = data.draw(st.integers(0, len(value) - 1))
        byte = data.draw(st.sampled_from([0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, value[at] ^ 1, value[at] ^ 2]))
        how = data.draw(st.integers(0, 3))
        if how == 0:
            value = value[:at] + value[at + 1 :]
        elif how == 1:
            value = value[:at] + bytes([byte]) + value[at:]
        else:
            value = value[:at] + bytes([byte]) + value[at + 1 :]
        same([*entries[:place], (key, value), *entries[place + 1 :]])
    same([(k if i != place else key + b"0", v) for i, (k, v) in enumerate(entries)])


@pytest.mark.parametrize(
    ("seq", "offset", "prev", "counts"),
    [
        (1, 8, None, True),
        (2, 8, None, False),
        (0, 8, None, False),
        (1, 7, None, False),
        (1, 8, bytes(32), False),
    ],
)
def test_only_what_extends_the_head_counts(seq, offset, prev, counts):
    filing = next(s for s in history(3, 60) if type(s.record).__name__ == "Filing" and s.key[:1] == b"Z")

    def entry(seq, offset, prev):
        return encode_entry(
            seq,
            prev,
            0,
            offset,
            1_782_871_200_000,
            1,
            codes.ACCEPTED,
            0,
            0,
            0,
            -1,
            -1,
            -1,
            None,
            filing.value,
        )

    first = entry(0, 7, bytes(32))
    second = entry(seq, offset, sha256(first).digest() if prev is None else prev)
    out = scan(Head.genesis(), [0, 1], [filing.key] * 2, [first, second])
    assert out.plain_at == ([0, 1] if counts else [0])
    assert out.void == ([] if counts else [1])
    same([(filing.key, first), (filing.key, second)])


def test_codes_tell_numbers_apart():
    numbers = ["000000000", "999999999", "A000000000", "A999999999", "Z000000000", "Z999999999"]
    assert [code_of(n) for n in numbers] == sorted({code_of(n) for n in numbers})
