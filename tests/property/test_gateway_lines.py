"""The quick way of a line of a stream gives what the careful way gives: record, place, verdict."""

from __future__ import annotations

import json
import uuid
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natalog import events
from natalog.decision import codes
from natalog.gateway.auth import Caller
from natalog.gateway.json_text import parse
from natalog.gateway.language import Language
from natalog.gateway.lines import Awaited, Line, Settled, render, renderable, settle
from natalog.gateway.problems import Problem
from natalog.gateway.roles import MAY, allowed
from natalog.gateway.submission import prepare, taker_of, today
from natalog.gateway.verdict import verdict_json, words_of
from natalog.wire import codec
from natalog.wire.content import content_of
from natalog.wire.hot import read_entry
from tests.property.test_wire_clean_json import ANY, KINDS
from tests.property.test_wire_json import example

ORGS = ["330000", "330100", "110000", "330106520000"]


def caller(role: str, org: str) -> Caller:
    return Caller(events.Principal(sub="x", org=org, roles=(role,)), allowed([role]), 4e9)


def compare(kind: str, text: bytes, who: Caller) -> Line | None:
    line = taker_of(kind, who).take(text, today())
    if line is None:
        return None
    made = prepare(kind, parse(text), who)  # a Problem here: the quick way took what is refused
    assert (line.event_id, line.number, line.topic, line.partition, line.key, line.value) == (
        made.event_id.bytes,
        made.number,
        made.topic,
        made.partition,
        made.key,
        made.value,
    )
    return line


@given(st.data())
def test_the_same_record_to_the_same_place_or_the_careful_way(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([*KINDS, "withdrawal"]))
    who = caller(data.draw(st.sampled_from(sorted(MAY))), data.draw(st.sampled_from(ORGS)))
    content = {
        **example(kind),
        "unit_code": data.draw(st.sampled_from(["330106520000", "110101520000", "330106"])),
    }
    if kind == "filing":
        content["origin"] = data.draw(st.sampled_from(["LIVE", "BACKFILL"]))
    if data.draw(st.booleans()):
        content[data.draw(st.sampled_from(sorted(content)))] = data.draw(ANY)
    compare(kind, json.dumps(content, separators=(",", ":")).encode(), who)


def cut(text: bytes, place: int, piece: bytes) -> bytes:
    return text[:place] + piece + text[place:]


@given(st.data())
def test_text_that_is_not_clean(data: st.DataObject) -> None:
    """Bytes put in or taken out anywhere: keys twice, blanks, broken UTF-8, deep nesting, half an object."""
    text = orjson.dumps(example("filing"))
    place = data.draw(st.integers(0, len(text)))
    piece = data.draw(
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from([b'"unit_code":"330106520000",', b'"unit_code" :"330106520000",', b" ", b"\\u0022",
                             b"\t", b"\r", b"\xff", b"[" * 40, b'{"a":' * 40,
                             b'"over_six":{"visit":true,"visit":false},']),
        )
    )  # fmt: skip
    compare("filing", cut(text, place, piece), caller("station", "330106520000"))
    compare("filing", text[:place], caller("station", "330106520000"))


@pytest.mark.parametrize(
    "twice",
    [
        b'{"unit_code":"330106520000",',
        b'{"unit_code" : "330106520000",',
        b'{"unit_code"\t:"330106520000",',
        b'{"unit\\u005fcode":"330106520000",',
    ],
)
def test_a_key_twice_is_never_clean(twice: bytes) -> None:
    text = twice + orjson.dumps({**example("claim"), "unit_code": "330106520000"})[1:]
    who = caller("station", "330106520000")
    assert taker_of("claim", who).take(text, today()) is None
    with pytest.raises(Problem):
        prepare("claim", parse(text), who)
    assert compare("claim", b"{" + text[len(twice):], who) is not None  # fmt: skip


def test_what_json_libraries_write_is_clean() -> None:
    content = {**example("filing"), "unit_code": "330106520000"}
    for text in (json.dumps(content), json.dumps(content, separators=(",", ":"))):
        assert compare("filing", text.encode(), caller("station", "330106520000")) is not None


def line_of(kind: str, **fields: Any) -> Line:
    """A clean line of a station."""
    text = orjson.dumps({**example(kind), "unit_code": "330106520000", **fields})
    line = compare(kind, text, caller("station", "330106520000"))
    assert line is not None
    return line


def entry_value(line: Line, **fields: Any) -> bytes:
    """An entry about a line, accepted unless `fields` say otherwise."""
    entry: dict[str, Any] = {
        "seq": 7, "prev": bytes(32), "topic": line.topic, "offset": 3, "received_at": 1_793_496_600_123, "rules": 1,
        "verdict": events.Verdict.ACCEPTED, "flags": (), "doubts": (), "input": line.value, **fields,
    }  # fmt: skip
    return codec.encode(events.Entry(**entry))


def some(table: tuple[codes.Code, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    order = [c.code for c in table]
    return st.lists(st.sampled_from(order), unique=True, max_size=3).map(
        lambda found: tuple(sorted(found, key=order.index))
    )


MAYBE = st.one_of(st.none(), st.integers(0, 2**48))
VERDICTS = st.one_of(
    st.just((events.Verdict.ACCEPTED, None)),
    st.tuples(st.just(events.Verdict.REFUSED), st.sampled_from([c.code for c in codes.REASONS if c.code])),
)


@given(
    kind=st.sampled_from(["claim", "completion", "filing"]),
    language=st.sampled_from(Language),
    outcome=VERDICTS,
    flags=some(codes.FLAGS),
    doubts=some(codes.DOUBTS),
    numbers=st.tuples(MAYBE, MAYBE, MAYBE, st.integers(0, 2**40), st.integers(1, 99)),
    received_at=st.one_of(st.integers(-1, 2**48), st.integers(1_700_000_000_000, 1_800_000_000_000)),
)
def test_a_verdict_is_written_as_the_careful_way_writes_it(
    kind: str,
    language: Language,
    outcome: tuple[events.Verdict, str | None],
    flags: tuple[str, ...],
    doubts: tuple[str, ...],
    numbers: tuple[int | None, ...],
    received_at: int,
) -> None:
    line = line_of(kind)
    first, delay, expires, seq, rules = numbers
    line.answer = entry_value(
        line, seq=seq, received_at=received_at, rules=rules, verdict=outcome[0], reason=outcome[1], flags=flags,
        doubts=doubts, first=first, delay_ms=delay, claim_expires_at=expires,
    )  # fmt: skip
    entry = read_entry(line.answer)
    if not renderable(line, entry):
        assert outcome[1] == "MALFORMED_NUMBER" or received_at < 0
        return
    assert render(line, entry, words_of(kind, language)) == verdict_json(
        entry,
        line.answer,
        partition=line.partition,
        event_id=str(uuid.UUID(bytes=line.event_id)),
        kind=kind,
        number=line.number,
        language=language,
    )


def test_a_line_is_answered_by_the_entry_about_its_content_alone() -> None:
    """Whoever recorded it: its own record, an equal one sent before, or one said to be a repeat of such."""
    line = line_of("claim")
    other = line_of("claim", certificate_number="M330999999")
    content = content_of(codec.decode(line.value))
    repeat = events.Repeat(event_id=uuid.UUID(bytes=line.event_id), content=content)
    strange = events.Repeat(event_id=repeat.event_id, content=bytes(32))
    refused = events.Verdict.REPEATED
    for value, answered in (
        (entry_value(line), True),
        (entry_value(line, input=other.value), False),
        (entry_value(line, input=repeat, verdict=refused, first=3), True),
        (entry_value(line, input=strange, verdict=refused, first=3), False),
    ):
        line = line_of("claim")
        awaited = Awaited()
        awaited.expect(line)
        for partition in (line.partition + 1, line.partition):
            assert line.entry is None
            awaited.match(partition, [line.event_id], [9], [value])
        assert (line.entry is not None) == answered
        assert (line.answer, line.offset) == ((value, 9) if answered else (b"", -1))
        awaited.forget(line)
        assert len(awaited) == 0


def test_lines_of_one_event_id_are_answered_each_by_its_own_entry() -> None:
    one, two, again = line_of("claim"), line_of("claim", certificate_number="M330999999"), line_of("claim")
    awaited = Awaited()
    for line in (one, two, again):
        awaited.expect(line)
    assert awaited.match(one.partition, [one.event_id], [4], [entry_value(one)]) == 2
    assert (one.entry is not None, two.entry is not None, again.entry is not None) == (True, False, True)
    awaited.forget(one)
    assert awaited.match(two.partition, [two.event_id], [5], [entry_value(two)]) == 1
    awaited.forget(again)
    awaited.forget(two)
    awaited.forget(two)
    assert len(awaited) == 0


def test_settling_goes_in_order_and_stops_at_what_is_open_or_takes_care() -> None:
    words, awaited = words_of("claim", Language.BOTH), Awaited()
    lines = [
        line_of("claim", event_id=str(uuid.uuid4()), certificate_number=f"M33000000{n}") for n in range(5)
    ]
    items: list[Line | bytes] = [lines[0], b"a problem", *lines[1:]]
    for line in lines:
        awaited.expect(line)
    for n in (0, 1, 3, 4):
        reason = {"verdict": events.Verdict.REFUSED, "reason": "USED"} if n == 1 else {}
        if n == 3:
            reason = {"verdict": events.Verdict.REFUSED, "reason": "MALFORMED_NUMBER"}
        awaited.match(lines[n].partition, [lines[n].event_id], [n], [entry_value(lines[n], **reason)])
    out: list[bytes] = []
    done = Settled()
    assert settle(items, 0, out, words, awaited, done) == 3  # the third record has no entry yet
    assert settle(items, 4, out, words, awaited, done) == 4  # the fourth needs a suggestion
    assert settle(items, 5, out, words, awaited, done) == 6
    assert [orjson.loads(o)["certificate_number"][-1] for o in out if o != b"a problem"] == ["0", "1", "4"]
    assert out[1] == b"a problem"
    assert (done.accepted, done.refused, done.units, len(awaited)) == (2, 1, 3, 2)
