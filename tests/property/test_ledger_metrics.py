"""The ledger's counters equal a plain reading of the ledger from the live head on, however it is delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from natalog import events
from natalog.decision.divisions import province_of
from natalog.views.ledger_metrics import LedgerMetrics, show_open
from natalog.wire import codec
from natalog.wire.hot import read_entry
from tests.property.decision_histories import PARTITION
from tests.property.test_decision_fold import HISTORIES, SPLITS, cut, decided

COUNTED = ("filings", "filing_delay_seconds", "decisions", "refusals", "flags", "doubts")


def fault_of(filing: events.Filing, received_at: int) -> str:
    return "TRANSPORT" if filing.unit_code.startswith("33") else "STATION"


Key = tuple[str, tuple[str, ...]]


def samples() -> defaultdict[Key, float]:
    """Every counter that is not 0, by name and label values."""
    found: defaultdict[Key, float] = defaultdict(float)
    for family in REGISTRY.collect():
        if family.name.removeprefix("natalog_") in COUNTED:
            for sample in family.samples:
                if not sample.name.endswith(("_created", "_bucket")) and sample.value:
                    found[sample.name.removeprefix("natalog_"), tuple(sample.labels.values())] += sample.value
    return found


def added(before: Mapping[Key, float], after: Mapping[Key, float]) -> dict[Key, float]:
    return {
        key: round(value - before.get(key, 0), 3)
        for key, value in after.items()
        if abs(value - before.get(key, 0)) > 1e-6
    }


def plain(entries: list[tuple[bytes, bytes]]) -> dict[Key, float]:
    """The same told from full records, one after the other."""
    want: defaultdict[Key, float] = defaultdict(float)
    for _, value in entries:
        entry = codec.decode(value)
        assert isinstance(entry, events.Entry)
        if not isinstance(entry.input, bytes):
            want["decisions_total", ("unknown", entry.verdict.value, "unknown")] += 1
            continue
        record = codec.decode(entry.input)
        province = province_of(record.unit_code) or "unknown"
        kind = {"BlacklistChange": "blacklist-change", "FilingOverdue": "filing-overdue"}.get(
            type(record).__name__, type(record).__name__.lower()
        )
        want["decisions_total", (kind, entry.verdict.value, province)] += 1
        if entry.reason:
            want["refusals_total", (entry.reason, province)] += 1
        for flag in entry.flags:
            want["flags_total", (flag, province)] += 1
        for doubt in entry.doubts:
            want["doubts_total", (doubt, province)] += 1
        if isinstance(record, events.Filing):
            prefecture = {"3301": "330100", "3302": "330200", "3101": "310000"}.get(
                record.unit_code[:4], "unknown"
            )
            if entry.delay_ms is not None:
                late = "FILED_LATE" in entry.flags
                cause = fault_of(record, 0) if late else "NONE"
                want["filings_total", (prefecture, "late" if late else "on_time", cause)] += 1
                want["filing_delay_seconds_count", (province,)] += 1
                want["filing_delay_seconds_sum", (province,)] += entry.delay_ms / 1000
            elif "NOT_TIMEABLE" in entry.flags:
                want["filings_total", (prefecture, "untimed", "NONE")] += 1
    return {key: round(value, 3) for key, value in want.items() if value}


def counting(heads: int) -> LedgerMetrics:
    return LedgerMetrics({PARTITION: heads}, fault_of)


def hand_over(
    metrics: LedgerMetrics, entries: list[tuple[bytes, bytes]], start: int, sizes: list[int]
) -> None:
    """Entries from offset `start` on, cut into batches; every fourth offset is a marker's, as in a real log."""
    offsets = [i + i // 3 for i in range(len(entries))]
    for piece in cut(list(zip(offsets, entries, strict=True))[start:], sizes):
        metrics.count(PARTITION, [(offset, read_entry(value)) for offset, (_, value) in piece])


def offset_of(index: int) -> int:
    return index + index // 3


@settings(max_examples=60, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_from_the_live_head_on_each_entry_counts_once(sent, sizes, data):
    entries = decided(sent).entries
    live = data.draw(st.integers(0, len(entries)))
    before = samples()
    metrics = counting(offset_of(live))
    # Catches up from anywhere, is told a stretch twice, is rebuilt from the first entry: nothing counts again.
    hand_over(metrics, entries, data.draw(st.integers(0, live)), sizes)
    hand_over(metrics, entries, data.draw(st.integers(0, len(entries))), sizes)
    hand_over(metrics, entries, 0, sizes)
    assert added(before, samples()) == plain(entries[live:])


@settings(max_examples=30, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_a_restart_counts_nothing_again(sent, sizes, data):
    entries = decided(sent).entries
    stopped = data.draw(st.integers(0, len(entries)))
    back = data.draw(st.integers(stopped, len(entries)))
    before = samples()
    hand_over(counting(0), entries[:stopped], 0, sizes)
    # Back when the ledger had come to `back`; its tables may be anywhere before, even empty.
    hand_over(counting(offset_of(back)), entries, data.draw(st.integers(0, stopped)), sizes)
    want = defaultdict(float, plain(entries[:stopped]))
    for key, value in plain(entries[back:]).items():
        want[key] += value
    got = added(before, samples())
    assert got.keys() == want.keys()
    assert all(abs(got[key] - want[key]) < 0.01 for key in want)


def test_every_label_is_there_from_the_start():
    counting(0)
    text = {
        (sample.name, tuple(sample.labels.values()))
        for family in REGISTRY.collect()
        for sample in family.samples
    }
    assert ("natalog_filings_total", ("330100", "late", "TRANSPORT")) in text
    assert ("natalog_filings_total", ("unknown", "on_time", "NONE")) in text
    assert ("natalog_decisions_total", ("filing", "REFUSED", "660000")) in text
    assert ("natalog_doubts_total", ("OVER_SIX", "unknown")) in text
    stations = [labels for _, labels in text if any(len(value) == 12 and value.isdigit() for value in labels)]
    assert stations == []


def test_open_ones_go_back_to_zero_and_unknown_provinces_are_one():
    def value(name: str, province: str) -> float | None:
        return REGISTRY.get_sample_value(f"natalog_{name}", {"province": province})

    show_open({"330000": 3, "990000": 2, "": 1}, {"540000": 1})
    assert [value("overdue_open", p) for p in ("330000", "unknown", "110000")] == [3, 3, 0]
    assert value("contested_open", "540000") == 1
    show_open({}, {"540000": 1})
    assert [value("overdue_open", p) for p in ("330000", "unknown")] == [0, 0]
    assert value("overdue_open", "990000") is None
