"""A made-up ledger with every kind of entry, put on real Kafka as a registrar would: in transactions, some aborted."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from random import Random

from confluent_kafka import Producer

from natalog import events
from natalog.decision.rules import RuleSets, from_json
from natalog.wire.codec import encode
from tests.golden.memory_ledger import MemoryLedger
from tests.golden.scenes import SHORT_RULES, play

UNIT = "330106520000"
ODD_UNIT = "990106520000"
"""Names no province."""
DESK = events.Principal(sub="desk", org=UNIT, roles=("station",))
MINUTE = 60_000


def sets() -> RuleSets:
    """What these ledgers are decided under: a built-in set, and the golden scenes' own."""
    known = RuleSets()
    known.add(from_json(SHORT_RULES))
    return known


def made_up(count: int, seed: int = 1) -> MemoryLedger:
    """The golden scenes, then `count` registrations: claimed, completed, filed late or in time, withdrawn, listed."""
    ledger = MemoryLedger()
    play(ledger)
    chance = Random(seed)
    for _ in range(count):
        ledger.now += 500
        registration(ledger, chance)
    return ledger


def registration(ledger: MemoryLedger, chance: Random) -> None:
    """One registration, as it may go."""
    number = ledger.number(start="X33")
    unit = ODD_UNIT if chance.random() < 0.01 else UNIT
    desk = replace(DESK, org=unit)
    head = {"certificate_number": number, "unit_code": unit, "submitter": desk}
    name = f"M-{ledger._serial}"
    registered = ledger.now - int(chance.random() * 40 * MINUTE)
    if chance.random() < 0.2:
        ledger.send(events.Claim(event_id=ledger.id(), **head))
    if chance.random() < 0.5:
        ledger.send(
            events.Completion(event_id=ledger.id(), **head, registration_id=name, registered_at=registered)
        )
        if chance.random() < 0.1:
            ledger.send(
                events.FilingOverdue(
                    event_id=ledger.id(),
                    **head,
                    registration_id=name,
                    due_at=registered + 30 * MINUTE,
                    observed_at=ledger.now,
                )
            )
        if chance.random() < 0.2:
            return
    filing = events.Filing(
        event_id=ledger.id(),
        **head,
        registration_id=name,
        registered_at=registered,
        captured_at=registered + int(chance.random() * 40 * MINUTE),
        attempted_at=None if chance.random() < 0.1 else registered + int(chance.random() * 50 * MINUTE),
        household_kind="FAMILY",
        relation_to_head="20",
        follows="BOTH",
        birth_date=20_000,
        child_token="a" * 64,
        sealed=chance.randbytes(200),
        key_id="k1",
    )
    ledger.send(filing)
    if chance.random() < 0.03:
        ledger.send(filing)  # again: REPEATED
    if chance.random() < 0.03:
        ledger.send(ledger.again(filing, category="ADOPTION"))  # AMENDMENT
    if chance.random() < 0.02:
        ledger.send(ledger.again(filing, registration_id=f"{name}-B"))  # USED


class OnKafka:
    """Puts entries on the ledger of a broker with empty topics."""

    def __init__(self, bootstrap: str, seed: int = 1) -> None:
        self._chance = Random(seed)
        self.sent = dict.fromkeys(range(12), 0)
        self.writer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": uuid.uuid4().hex,
                "transaction.timeout.ms": 60_000,
            }
        )
        self.writer.init_transactions(30)
        self.plain = Producer({"bootstrap.servers": bootstrap})

    def put(self, ledger: MemoryLedger, *, pause: float = 0.0, void: bool = True) -> None:
        """What is not there yet, in transactions of some hundred; between them aborted ones and foreign records."""
        waiting = [
            (partition, record)
            for partition, log in ledger.ledger.items()
            for record in log[self.sent[partition] :]
        ]
        # In order within a partition, and of all partitions in each transaction.
        places = {id(record): place for log in ledger.ledger.values() for place, record in enumerate(log)}
        waiting.sort(key=lambda item: places[id(item[1])])
        at = 0
        while at < len(waiting):
            piece = waiting[at : at + 1 + int(self._chance.random() * 300)]
            half = piece[: len(piece) // 2]
            if self._chance.random() < 0.1 and half:
                self._send(half)
                # On the log first: a broker that knows of no record yet may call the abort a fault.
                assert self.writer.flush(30) == 0
                self.writer.abort_transaction(30)
            if void and self._chance.random() < 0.1:
                self._send([piece[0], piece[0]])  # the second does not extend the chain
                self.writer.commit_transaction(30)
                self.sent[piece[0][0]] += 1
                at += 1
                continue
            self._send(piece)
            self.writer.commit_transaction(30)
            for partition, _ in piece:
                self.sent[partition] += 1
            at += len(piece)
            time.sleep(pause)

    def _send(self, piece: list) -> None:
        self.writer.begin_transaction()
        for partition, record in piece:
            self.writer.produce("ledger", record.value, record.key, partition)

    def ask(self, count: int) -> None:
        """Queries, each sent twice, and something that is none."""
        for n in range(count):
            record = events.QueryRecord(
                check_id=uuid.uuid5(uuid.NAMESPACE_OID, f"check {n}"),
                asked_at=1_790_000_000_000 + n,
                submitter=DESK,
                purpose="registration",
                officer="o-1",
                answers=tuple(
                    events.Answer(certificate_number=f"X33{n:05d}{i}", status="UNUSED") for i in range(3)
                ),
                as_of="token",
            )
            for _ in range(2):
                self.plain.produce("queries.audit", encode(record), UNIT.encode())
        self.plain.produce("queries.audit", b"no record", UNIT.encode())
        assert self.plain.flush(30) == 0
