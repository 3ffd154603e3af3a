"""I1: at most one registration stands per number, counted from records and verdicts alone."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from typing import Any

import pytest

from natalog import events
from natalog.decision.packing import unpack
from natalog.events import Verdict, WithdrawalAction
from natalog.wire.codec import decode
from tests.property.decision_histories import history
from tests.property.test_decision_fold import Ledger

COMMANDS = 4000


class Count:
    """What stands on each key; knows nothing of `decision/`."""

    def __init__(self) -> None:
        self.stands: dict[bytes, str] = {}
        self.asked: dict[bytes, dict[uuid.UUID | None, tuple[str, str]]] = defaultdict(dict)
        self.approved: set[uuid.UUID | None] = set()
        self.freed: Counter[bytes] = Counter()

    def look(self, key: bytes, record: events.Intake, entry: events.Entry) -> None:
        accepted = entry.verdict is Verdict.ACCEPTED
        if isinstance(record, events.Filing) and entry.verdict is not Verdict.REPEATED:
            assert ("WITHDRAWN_BEFORE" in entry.flags) == (self.freed[key] > 0)
            if accepted and "AMENDMENT" in entry.flags:
                assert self.stands[key] == record.registration_id
            elif accepted:
                assert key not in self.stands, "a second registration took the number"
                self.stands[key] = record.registration_id
        elif isinstance(record, events.Withdrawal) and accepted:
            self._withdrawal(key, record)

    def _withdrawal(self, key: bytes, record: events.Withdrawal) -> None:
        about, person = record.registration_id, record.submitter.sub
        if record.action is WithdrawalAction.REQUEST:
            if self.stands.get(key) == about:
                self.asked[key][record.event_id] = (about, person)
        elif record.request_id not in self.approved:
            asked, by = self.asked[key][record.request_id]
            assert asked == about == self.stands.pop(key)
            assert by != person, "one person alone withdrew a registration"
            self.asked[key].clear()
            self.approved.add(record.request_id)
            self.freed[key] += 1


def numbers(states: dict[bytes, bytes]) -> dict[bytes, str]:
    found = {}
    for key, packed in states.items():
        standing = unpack(packed).stands()
        if standing is not None:
            found[key] = standing.registration_id
    return found


@pytest.mark.parametrize("seed", range(4))
def test_at_most_one_registration_stands(seed):
    ledger, count = Ledger(), Count()
    sent = history(seed, COMMANDS)
    said: Counter[str] = Counter()
    for at in range(0, COMMANDS, 50):
        batch = sent[at : at + 50]
        ledger.decide(batch)
        for one, (key, value) in zip(batch, ledger.entries[at:], strict=True):
            entry: Any = decode(value)
            count.look(key, one.record, entry)
            said.update([entry.reason or entry.verdict, *entry.flags, *entry.doubts])
        assert numbers(ledger.states) == count.stands
    # A history that never frees a number or never meets a rule proves nothing.
    assert sum(count.freed.values()) > 40
    assert len(said) > 28, sorted(said)
