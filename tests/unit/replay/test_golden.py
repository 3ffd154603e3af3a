"""The golden ledger: what was decided once is decided alike for ever."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from natalog.decision import codes
from natalog.decision.rules import RuleSets, from_json
from natalog.replay.finding import Kind
from natalog.replay.source import MemorySource
from natalog.replay.undecided import PATIENCE_MS, Waiting
from natalog.replay.verify import verify
from natalog.wire.hot import read_command
from natalog.wire.topics import INTAKE_TOPICS
from tests.golden.make import FILE, lines
from tests.golden.memory_ledger import MemoryLedger
from tests.golden.scenes import SHORT_RULES, play
from tests.unit.replay.planted import Planted, entry_of


def test_deciding_again_gives_the_same_bytes():
    ledger = MemoryLedger()
    play(ledger)
    # Line by line: a difference shows the record and not the file.
    for made, kept in zip(lines(ledger), FILE.read_text(encoding="ascii").splitlines(), strict=True):
        assert made == kept


def test_it_verifies():
    report = Planted().audit()
    assert report.found == []
    assert report.ok
    assert report.entries > 400
    assert report.verdicts.total() == report.entries
    assert (report.expired, report.shape_only, report.pending_successions) == (0, 0, 0)


def test_heads_are_those_of_the_last_entries():
    planted = Planted()
    for partition in planted.audit().partitions:
        last = planted.ledger[partition.partition][-1]
        assert partition.seq == entry_of(last).seq
        assert partition.hash == hashlib.sha256(last.value or b"").hexdigest()


def test_it_holds_every_code_and_kind():
    seen: Counter[str] = Counter()
    for log in Planted().ledger.values():
        for record in log:
            entry = entry_of(record)
            seen.update([entry.verdict.value, entry.reason or "", *entry.flags, *entry.doubts])
            if isinstance(entry.input, bytes):
                seen[type(read_command(entry.input)).__name__] += 1
    for table in (codes.REASONS[1:], codes.FLAGS, codes.DOUBTS):
        assert [code.code for code in table if not seen[code.code]] == []
    assert [verdict for verdict in codes.VERDICTS if not seen[verdict]] == []
    kinds = "Claim Release Completion Filing Withdrawal BlacklistChange Invalidation Succession FilingOverdue"
    assert [kind for kind in kinds.split() if not seen[kind]] == []


def test_states_on_disk_give_the_same_report():
    report = Planted().audit(many=3)
    assert report.ok
    assert report.partitions == Planted().audit().partitions


def test_any_batches_give_the_same_report():
    planted = Planted()

    class InPieces(MemorySource):
        def ledger(self, partition: int):
            log = planted.ledger[partition]
            for start in range(0, len(log), 7):
                yield log[start : start + 7]

        def intake(self, topic: str, partition: int):
            for batch in super().intake(topic, partition):
                for record in batch:
                    yield [record]

    rules = RuleSets()
    rules.add(from_json(SHORT_RULES))
    report = verify(InPieces(planted.ledger, planted.intake), rules=rules)
    assert report.found == []
    assert report.partitions == Planted().audit().partitions


def test_expired_intake_is_said_and_no_fault():
    planted = Planted()
    planted.expire()
    report = planted.audit()
    assert report.found == []
    assert report.expired == report.entries
    assert report.shape_only == 0, "the sealed copies were opened"
    report = planted.audit(seal=None, unseal=None)
    assert report.found == []
    assert report.shape_only == report.verdicts["UNREADABLE"]


def test_unknown_rule_set_is_found_and_folded_over():
    report = Planted().audit(rules=RuleSets())
    assert {finding.kind.value for finding in report.found} == {"UNKNOWN_RULES"}
    first = report.found[0]
    assert Planted().entry(first.partition, first.seq or 0).rules == 100
    assert "--rules" in first.found


@pytest.mark.parametrize("topic", INTAKE_TOPICS)
def test_undecided_intake_is_counted_and_a_fault_when_it_waits(topic):
    planted = Planted()
    partition, log = a_log(planted, topic)
    last = log[-1]
    log += [last._replace(offset=last.offset + n, timestamp=last.timestamp + 5_000 * n) for n in (1, 2)]
    oldest = last.timestamp + 5_000
    report = planted.audit(now=oldest + PATIENCE_MS)
    assert report.ok
    assert report.undecided == [Waiting(topic, partition, 2, last.offset + 1, oldest)]
    faults = planted.places(now=oldest + PATIENCE_MS + 1)
    assert faults == ([] if topic == "birth.backfill" else [(Kind.UNDECIDED, partition, None, "")])


def a_log(planted, topic):
    """A partition in which the topic has records, and these."""
    return next((partition, log) for (name, partition), log in planted.intake.items() if name == topic)


def test_a_ledger_cut_off_is_found_while_the_intake_is_there():
    planted = Planted()
    planted.ledger[3].pop()
    assert planted.places() == [(Kind.UNDECIDED, 3, None, "")]


@pytest.mark.parametrize("topic", INTAKE_TOPICS)
def test_offsets_without_a_record_are_told_of(topic):
    """Decided or not; where registrars write in transactions, markers take some."""
    planted = Planted()
    _, log = a_log(planted, topic)
    last = log[-1]
    log.append(last._replace(offset=last.offset + 3))
    holes = [(f.kind, f.found) for f in planted.audit(now=last.timestamp).found]
    told = f"none at offsets {last.offset + 1} to {last.offset + 2}"
    assert holes == ([] if topic == "certificate.invalidations" else [(Kind.HOLE, told)])


def test_a_record_taken_out_of_the_intake_leaves_a_hole():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.topic == "birth.registrations", before_end=2)
    offset = planted.entry(partition, seq).offset
    planted.intake["birth.registrations", partition] = [
        r for r in planted.intake["birth.registrations", partition] if r.offset != offset
    ]
    assert (Kind.HOLE, partition, None, "") in planted.places()


def test_findings_beyond_the_limit_are_counted():
    planted = Planted()
    for log in planted.intake.values():
        for place, record in enumerate(log):
            log[place] = record._replace(timestamp=record.timestamp + 1)
    report = planted.audit(limit=5)
    assert len(report.found) == 5
    assert report.findings.total == report.entries
