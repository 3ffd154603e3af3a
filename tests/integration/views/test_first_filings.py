"""Filings that are the first of their number are copied past the merge: the tables are the same as with it."""

from __future__ import annotations

from random import Random

import pytest
from psycopg import Cursor

from natalog import events
from natalog.views.batch import Batch
from natalog.views.writer import Writer
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.ledgers import DESK, UNIT, made_up
from tests.integration.views.tables import batch_of, checksums, opened, rows, stretch


def batches(writer: Writer, ledger: MemoryLedger, cuts: Random, most: int):
    """The ledger as batches of several partitions, each of which follows what the writer wrote before."""
    at = dict.fromkeys(ledger.ledger, 0)
    while any(at[p] < len(log) for p, log in ledger.ledger.items()):
        pieces = []
        for partition, log in ledger.ledger.items():
            end = min(len(log), at[partition] + int(cuts.random() * (most + 1)))
            if end > at[partition]:
                entries = [(record.key, record.value or b"") for record in log[at[partition] : end]]
                pieces.append(stretch(partition, entries, at[partition]))
                at[partition] = end
        if pieces:
            yield batch_of(writer, *pieces)


def fold(url: str, ledger: MemoryLedger, *, most: int, arranged: bool) -> tuple[dict, int]:
    """What the tables hold then, and how many filings were candidates."""
    writer = opened(url)
    asked = 0
    for batch in batches(writer, ledger, Random(most), most):
        if arranged:
            batch.arrange()
            asked += sum(map(len, batch.candidates().values()))
        writer.write(batch)
    writer.close()
    return checksums(url), asked


@pytest.mark.parametrize("most", [1, 9, 1_000])
def test_the_tables_are_those_of_a_fold_that_merges_everything(postgres, most):
    ledger = made_up(300, seed=most)
    merged, none = fold(postgres.database(), ledger, most=most, arranged=False)
    copied, asked = fold(postgres.database(), ledger, most=most, arranged=True)
    assert none == 0
    assert asked > 60
    assert copied == merged


class Case:
    """One number, and what is said about it in turn."""

    def __init__(self, ledger: MemoryLedger, number: str) -> None:
        self.ledger = ledger
        self.number = number

    def send(self, kind: type, *, spelt: str | None = None, **more: object) -> None:
        self.ledger.now += 1_000
        record = kind(
            event_id=self.ledger.id(),
            certificate_number=spelt or self.number,
            unit_code=UNIT,
            submitter=DESK,
            **more,
        )
        self.ledger.send(record, key=self.number.encode())

    def claim(self, **more: str) -> None:
        self.send(events.Claim, **more)

    def complete(self, name: str, **more: str) -> None:
        self.send(events.Completion, registration_id=name, registered_at=self.ledger.now, **more)

    def file(self, name: str, **more: str) -> None:
        self.send(
            events.Filing,
            registration_id=name,
            registered_at=self.ledger.now,
            sealed=b"s",
            key_id="k",
            **more,
        )

    def alike(self) -> str:
        """Another spelling of the number, which the ledger keeps as it came."""
        return f" {self.number.lower()}"


def claimed(case: Case) -> None:
    case.claim()
    case.file("R1")


def claimed_in_another_spelling(case: Case) -> None:
    case.claim(spelt=case.alike())
    case.file("R1")


def completed(case: Case) -> None:
    case.complete("R1")
    case.file("R1")


def completed_in_another_spelling(case: Case) -> None:
    case.complete("R1", spelt=case.alike())
    case.file("R1")


def filed_in_another_spelling(case: Case) -> None:
    case.file("R1", spelt=case.alike())
    case.file("R1")


def filed_twice(case: Case) -> None:
    case.file("R1")
    case.file("R2")


def filed_and_claimed(case: Case) -> None:
    case.file("R1")
    case.claim()


@pytest.mark.parametrize("letter", ["Z", "A", ""])
@pytest.mark.parametrize("most", [1, 1_000], ids=["entry by entry", "in one batch"])
def test_what_is_known_of_a_number_is_merged(postgres, letter, most):
    ledger = MemoryLedger()
    cases = (
        claimed,
        claimed_in_another_spelling,
        completed,
        completed_in_another_spelling,
        filed_in_another_spelling,
        filed_twice,
        filed_and_claimed,
    )
    for happens in cases:
        happens(Case(ledger, letter + ledger.number()[1:]))
    merged, none = fold(postgres.database(), ledger, most=most, arranged=False)
    copied, asked = fold(postgres.database(), ledger, most=most, arranged=True)
    assert none == 0
    assert (asked > 0) is (most == 1)  # in one batch each number has another entry
    assert copied == merged
    assert merged["certificates"][0] == len(cases)


def test_only_what_has_no_certificate_passes_the_merge(database):
    ledger = MemoryLedger()
    new, claimed_before = (Case(ledger, ledger.number(partition=5)) for _ in range(2))
    writer = opened(database)
    merged = []
    copy = writer.copy

    def noted(cursor: Cursor, batch: Batch) -> int:
        merged.append(copy(cursor, batch))
        return merged[-1]

    writer.copy = noted  # type: ignore[method-assign]
    claimed_before.claim()
    at = len(ledger.ledger[5])
    new.file("R1")
    claimed_before.file("R1")
    entries = [(record.key, record.value or b"") for record in ledger.ledger[5]]
    for piece, start in ((entries[:at], 0), (entries[at:], at)):
        batch = batch_of(writer, stretch(5, piece, start))
        batch.arrange()
        writer.write(batch)
    writer.close()
    assert merged == [0, 1]
    assert rows(database, "SELECT count(*) FROM registrations") == [(2,)]
    assert rows(database, "SELECT count(*) FROM certificates") == [(2,)]
