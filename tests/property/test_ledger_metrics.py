"""The ledger's counters equal a plain reading of the ledger from the live head on, however it is delivered."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from natalog import events, metrics
from natalog.decision.divisions import province_of
from natalog.views.ledger_metrics import LedgerMetrics, Tally, declare, publish, show_open
from natalog.views.projector import Committed
from natalog.wire import codec
from natalog.wire.hot import read_entry
from tests.property.decision_histories import PARTITION
from tests.property.test_decision_fold import HISTORIES, SPLITS, cut, decided

Key = tuple[str, tuple[str, ...]]


def fault_of(late: Committed) -> str:
    assert late.partition == PARTITION
    return fault_at(int(late.entry.received_at))


def fault_at(received_at: int) -> str:
    return "TRANSPORT" if received_at % 2 else "STATION"


def flat(*tallies: Tally) -> dict[Key, float]:
    """All increments as one table, by counter and label values."""
    found: defaultdict[Key, float] = defaultdict(float)
    for added in tallies:
        for name in ("filings", "decisions", "refusals", "flags", "doubts"):
            for labels, count in getattr(added, name).items():
                found[name, labels] += count
        for province, seconds in added.delays:
            found["delays", (province,)] += 1
            found["delay_seconds", (province,)] += seconds
    return {key: round(value, 3) for key, value in found.items() if value}


def plain(entries: list[tuple[bytes, bytes]]) -> dict[Key, float]:
    """The same told from full records, one after the other."""
    want: defaultdict[Key, float] = defaultdict(float)
    for _, value in entries:
        entry = codec.decode(value)
        assert isinstance(entry, events.Entry)
        if not isinstance(entry.input, bytes):
            want["decisions", ("unknown", entry.verdict.value, "unknown")] += 1
            continue
        record = codec.decode(entry.input)
        province = province_of(record.unit_code) or "unknown"
        kind = {"BlacklistChange": "blacklist-change", "FilingOverdue": "filing-overdue"}.get(
            type(record).__name__, type(record).__name__.lower()
        )
        want["decisions", (kind, entry.verdict.value, province)] += 1
        if entry.reason:
            want["refusals", (entry.reason, province)] += 1
        for flag in entry.flags:
            want["flags", (flag, province)] += 1
        for doubt in entry.doubts:
            want["doubts", (doubt, province)] += 1
        if isinstance(record, events.Filing):
            prefecture = {"3301": "330100", "3302": "330200", "3101": "310000"}.get(
                record.unit_code[:4], "unknown"
            )
            if entry.delay_ms is not None:
                late = "FILED_LATE" in entry.flags
                cause = fault_at(entry.received_at) if late else "NONE"
                want["filings", (prefecture, "late" if late else "on_time", cause)] += 1
                want["delays", (province,)] += 1
                want["delay_seconds", (province,)] += entry.delay_ms / 1000
            elif "NOT_TIMEABLE" in entry.flags:
                want["filings", (prefecture, "untimed", "NONE")] += 1
    return {key: round(value, 3) for key, value in want.items() if value}


class Counting(LedgerMetrics):
    """Of a process that starts when the ledger ends at `end` (entries)."""

    def __init__(self, end: int) -> None:
        self.told: list[Tally] = []
        self.end = end
        super().__init__(fault_of, self.told.append)


def hand_over(metrics: Counting, entries: list[tuple[bytes, bytes]], start: int, sizes: list[int]) -> None:
    """Entries from the `start`th on, cut into batches; each goes by halves, what lies before the live head first."""
    offsets = [i + i // 3 for i in range(len(entries))]  # every fourth is a marker's, as in a real log
    for piece in cut(list(zip(offsets, entries, strict=True))[start:], sizes):
        held = [Committed(PARTITION, offset, read_entry(value), 0, 0) for offset, (_, value) in piece]
        at = next(
            (i for i, one in enumerate(held) if one.offset >= metrics.end + metrics.end // 3), len(held)
        )
        if held[:at]:
            metrics.hand_on(held[:at], False)
        if held[at:]:
            metrics.hand_on(held[at:], True)


@settings(max_examples=60, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_from_the_live_head_on_each_entry_counts_once(sent, sizes, data):
    entries = decided(sent).entries
    end = data.draw(st.integers(0, len(entries)))
    metrics = Counting(end)
    # Catches up, is told a stretch twice, is rebuilt from the first entry: nothing counts again.
    hand_over(metrics, entries, data.draw(st.integers(0, end)), sizes)
    hand_over(metrics, entries, data.draw(st.integers(0, len(entries))), sizes)
    hand_over(metrics, entries, 0, sizes)
    assert flat(*metrics.told) == plain(entries[end:])


@settings(max_examples=30, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_a_restart_counts_nothing_again(sent, sizes, data):
    entries = decided(sent).entries
    stopped = data.draw(st.integers(0, len(entries)))
    back = data.draw(st.integers(stopped, len(entries)))
    first = Counting(0)
    hand_over(first, entries[:stopped], 0, sizes)
    # Back when the ledger had come to `back`; its tables may be anywhere before, even empty.
    again = Counting(back)
    hand_over(again, entries, data.draw(st.integers(0, stopped)), sizes)
    assert flat(*first.told) == plain(entries[:stopped])
    assert flat(*again.told) == plain(entries[back:])


def value(name: str, **labels: str) -> float | None:
    return metrics.PROJECTOR.get_sample_value(f"natalog_{name}", labels)


def test_what_is_tallied_is_published():
    labels = {"prefecture": "330100", "result": "late", "cause": "TRANSPORT"}
    declare()
    before = (
        value("filings_total", **labels),
        value("filing_delay_seconds_bucket", province="330000", le="1800.0"),
    )
    added = Tally(delays=[("330000", 1800.0), ("330000", 1800.001)])
    added.filings["330100", "late", "TRANSPORT"] += 2
    publish(added)
    after = (
        value("filings_total", **labels),
        value("filing_delay_seconds_bucket", province="330000", le="1800.0"),
    )
    assert before[0] is not None
    assert before[1] is not None
    assert after == (before[0] + 2, before[1] + 1)


def test_every_label_is_there_from_the_start():
    declare()
    text = {
        (sample.name, tuple(sample.labels.values()))
        for family in metrics.PROJECTOR.collect()
        for sample in family.samples
    }
    assert ("natalog_filings_total", ("330100", "late", "TRANSPORT")) in text
    assert ("natalog_filings_total", ("unknown", "on_time", "NONE")) in text
    assert ("natalog_decisions_total", ("filing", "REFUSED", "660000")) in text
    assert ("natalog_doubts_total", ("OVER_SIX", "unknown")) in text
    stations = [labels for _, labels in text if any(len(value) == 12 and value.isdigit() for value in labels)]
    assert stations == []


def test_open_ones_go_back_to_zero_and_unknown_provinces_are_one():
    show_open({"330000": 3, "990000": 2, "": 1}, {"540000": 1})
    assert [value("overdue_open", province=p) for p in ("330000", "unknown", "110000")] == [3, 3, 0]
    assert value("contested_open", province="540000") == 1
    show_open({}, {"540000": 1})
    assert [value("overdue_open", province=p) for p in ("330000", "unknown")] == [0, 0]
    assert value("overdue_open", province="990000") is None
