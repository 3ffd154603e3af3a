"""The tables say what the fold of the ledger by `decision/` says, however entries are cut into batches (I5)."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import psycopg
import pytest

from natalog import events
from natalog.decision.packing import unpack
from natalog.decision.state import OPEN, NumberState
from natalog.views.batch import Batch
from natalog.views.migrate import migrate
from natalog.views.writer import Writer
from natalog.wire.codec import decode
from tests.integration.views.tables import IDENTITY, batch_of, checksums, opened, rows, stretch
from tests.property.decision_histories import PARTITION, history
from tests.property.test_status_view import told

SEEDS = range(8)
COUNT = 250


def fold(writer: Writer, entries, chance: Random, most: int) -> None:
    """In batches of a random size, in order of keys or of the ledger; now and then a batch comes a second time, or its
    transaction is lost."""
    at = 0
    while at < len(entries):
        piece = entries[at : at + 1 + int(chance.random() * most)]
        batch = batch_of(writer, stretch(PARTITION, piece, at))
        if chance.random() < 0.5:
            batch.arrange()
        if chance.random() < 0.1:
            with pytest.raises(ZeroDivisionError):
                lost(writer, batch)
        writer.write(batch)
        at += len(piece)


def lost(writer: Writer, batch: Batch) -> None:
    """All of it is sent, and then the transaction does not commit."""
    before = dict(writer.folds)
    with writer.connection.transaction():
        writer.write(batch)
        writer.folds = before
        raise ZeroDivisionError


def ms(at: datetime | None) -> int:
    return -1 if at is None else round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def of_states(states: dict[bytes, bytes]) -> dict[str, list[tuple]]:
    """What the rules' own state says, in the tables' terms."""
    standing, listed, void, due, contested = [], [], [], [], []
    for key, packed in states.items():
        state: NumberState = unpack(packed)
        name = key.decode()
        for known in state.registrations:
            if state.stands() is known:
                standing.append((name, known.registration_id, state.standing_seq))
            if known.due_from >= 0:
                due.append((name, known.registration_id, known.due_from))
        listed += [(name, entry.owner, entry.seq, entry.binds_from) for entry in state.listings]
        if state.void is not None:
            void.append((name, state.void.owner, state.void.seq, state.void.replaced_by))
        if state.contested and not name.startswith("r:"):  # a certificate is a number
            contested.append(name)
    return {
        "standing": sorted(standing),
        "listed": sorted(listed),
        "void": sorted(void),
        "due": sorted(due),
        "contested": sorted(contested),
    }


def last_acts(entries) -> dict[tuple[bytes, str], type]:
    """What a unit did last on a number that says something of its claim there."""
    last = {}
    for key, value in entries:
        entry = decode(value)
        assert isinstance(entry, events.Entry)
        if not isinstance(entry.input, bytes) or entry.reason == "MISROUTED":
            continue
        record = decode(entry.input)
        if isinstance(record, (events.Filing, events.Release)) or (
            isinstance(record, (events.Claim, events.Completion)) and entry.verdict == "ACCEPTED"
        ):
            last[key, record.unit_code] = type(record)
    return last


def claims_left(states: dict[bytes, bytes], entries) -> list[tuple]:
    """Claims that no filing ended, by the rules' own state, and after which their unit did nothing more."""
    last = last_acts(entries)
    left = []
    for key, packed in states.items():
        state = unpack(packed)
        for unit in {held.unit_code for held in state.claims}:
            held = state.own_claim(unit)
            assert held is not None
            if held.end == OPEN and last[key, unit] is events.Claim:
                left.append((key.decode(), unit, held.expires_at))
    return sorted(left)


def of_tables(url: str) -> dict[str, list[tuple]]:
    return {
        "standing": sorted(
            rows(
                url,
                "SELECT key, registration_id, taken_seq FROM registrations WHERE taken_seq > coalesce(freed_seq, -1)",
            )
        ),
        "listed": sorted(
            (number, owner, seq, ms(binds))
            for number, owner, seq, binds in rows(
                url, "SELECT number, owner, listed_seq, binds_from FROM blacklist WHERE removed_seq IS NULL"
            )
        ),
        "void": sorted(
            (number, issuer, seq, replaced or "")
            for number, issuer, seq, replaced in rows(
                url, "SELECT number, issuer, voided_seq, replaced_by FROM voids WHERE reinstated_seq IS NULL"
            )
        ),
        "due": sorted(
            (key, registration, ms(due))
            for key, registration, due in rows(
                url, "SELECT key, registration_id, due_from FROM obligations WHERE closed_seq IS NULL"
            )
        ),
        "contested": sorted(
            row[0] for row in rows(url, "SELECT number FROM certificates WHERE contested_seq IS NOT NULL")
        ),
    }


def contests_told(entries) -> list[tuple]:
    """Number, and the seqs that opened and closed a contest of it, read off the entries one by one."""
    told: list[tuple] = []
    open_at: dict[str, int] = {}
    for key, value in entries:
        entry = decode(value)
        assert isinstance(entry, events.Entry)
        if key.startswith((b"r:", b"e:")) or not isinstance(entry.input, bytes):
            continue
        record = decode(entry.input)
        name = key.decode()
        if "CONTESTED" in entry.flags:
            open_at.setdefault(name, entry.seq)
        elif (
            isinstance(record, events.Withdrawal)
            and record.action is events.WithdrawalAction.APPROVE
            and entry.verdict == "ACCEPTED"
            and entry.first is not None
            and name in open_at
        ):
            told.append((name, open_at.pop(name), entry.seq))
    return sorted([*told, *((name, seq, -1) for name, seq in open_at.items())])


def contests_held(url: str) -> list[tuple]:
    return sorted(rows(url, "SELECT number, opened_seq, coalesce(closed_seq, -1) FROM contests"))


def claims_open(url: str) -> list[tuple]:
    query = "SELECT number, unit_code, expires_at FROM claims WHERE closed_seq IS NULL"
    return sorted((number, unit, ms(expires)) for number, unit, expires in rows(url, query))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tables_equal_the_fold(postgres, seed):
    ledger = told(history(seed, COUNT))
    sums = []
    for most in (1 + len(ledger.entries), 7, 40):
        url = postgres.database()
        writer = opened(url)
        fold(writer, ledger.entries, Random(seed * 100 + most), most)
        writer.close()
        assert of_tables(url) == of_states(ledger.states)
        assert claims_open(url) == claims_left(ledger.states, ledger.entries)
        assert contests_held(url) == contests_told(ledger.entries)
        sums.append(checksums(url))
        ((seq, digest),) = rows(url, "SELECT seq, hash FROM ledger_positions WHERE partition = %s", PARTITION)
        assert (seq, bytes(digest)) == (len(ledger.entries), ledger.head.prev)
        ((counted,),) = rows(url, "SELECT (SELECT count(*) FROM filings) + (SELECT count(*) FROM decisions)")
        assert counted == seq
    assert sums[0] == sums[1] == sums[2]


def test_certificates_and_filings_agree_on_what_stands(postgres):
    ledger = told(history(99, COUNT))
    url = postgres.database()
    writer = opened(url)
    fold(writer, ledger.entries, Random(1), 50)
    writer.close()
    by_number = rows(
        url,
        "SELECT number, taken_seq FROM certificates WHERE taken_seq > coalesce(freed_seq, -1) ORDER BY number",
    )
    by_filing = rows(
        url,
        "SELECT key, max(seq) FROM filings WHERE verdict = 'ACCEPTED' AND NOT amendment AND withdrawn_seq IS NULL "
        "AND wellformed GROUP BY key ORDER BY key",
    )
    assert by_number == by_filing != []


def test_claims_and_contests_of_before_their_tables_were_there_are_taken_from_the_facts(postgres):
    closed_by, again = set(), 0
    for seed in (1, 5, 7):
        ledger = told(history(seed, COUNT))
        url = postgres.database()
        writer = opened(url)
        fold(writer, ledger.entries, Random(2), 40)
        writer.close()
        before = checksums(url)
        closed_by |= {how for (how,) in rows(url, "SELECT DISTINCT closed_by FROM claims")}
        again += len(rows(url, "SELECT FROM contests GROUP BY number HAVING count(*) > 1"))
        with psycopg.connect(url, options="-c search_path=natalog") as connection:
            connection.execute("DROP VIEW expired_claims")
            connection.execute("DROP TABLE claims")
            connection.execute("DROP TABLE contests CASCADE")
            connection.execute("DROP INDEX filings_backfilled")
            connection.execute(
                "CREATE VIEW contested_numbers AS SELECT FROM filings"
            )  # those of 0001 and 0002
            connection.execute("CREATE INDEX filings_contested ON filings (province)")
            connection.execute("CREATE INDEX certificates_contested ON certificates (province)")
            connection.execute("UPDATE schema_version SET version_num = '0002'")
        migrate(url, "natalog")
        assert checksums(url) == before
    assert closed_by >= {"CLAIM", "RELEASE", "COMPLETION", "FILING", "TAKEN"}
    assert again > 1


def test_another_process_cannot_write_from_the_same_position(database):
    ledger = told(history(1, 30))
    first, second = opened(database), Writer(database, "natalog", 12, IDENTITY)
    batch = batch_of(first, stretch(PARTITION, ledger.entries))
    first.write(batch)
    from natalog.views.positions import Moved

    with pytest.raises(Moved):
        second.write(batch)
    assert rows(database, "SELECT count(*) FROM decisions") != [(0,)]
    first.close()
    second.close()


def test_an_entry_that_is_there_already_is_told_of(database):
    """No batch may bring one twice; whoever set a position back by hand hears of it, and no table changes."""
    ledger = told(history(1, 30))
    writer = opened(database)
    writer.write(batch_of(writer, stretch(PARTITION, ledger.entries)))
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM natalog.ledger_positions")
    again = opened(database)
    before = checksums(database)
    with pytest.raises(psycopg.errors.UniqueViolation):
        again.write(batch_of(again, stretch(PARTITION, ledger.entries)))
    assert checksums(database) == before
    writer.close()
    again.close()


def test_a_database_folded_from_another_ledger_is_not_written_to(database):
    opened(database).close()
    from natalog.kafka.identity import Identity
    from natalog.views.positions import OtherLedger

    with pytest.raises(OtherLedger):
        Writer(database, "natalog", 12, Identity("cluster", "another"))


def test_migrating_twice_changes_nothing_and_a_newer_schema_is_left_alone(database):
    from natalog.views.database import NotPrepared

    migrate(database, "natalog")
    migrate(database, "natalog")
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE natalog.schema_version SET version_num = '9999'")
    with pytest.raises(NotPrepared, match="another build"):
        migrate(database, "natalog")
