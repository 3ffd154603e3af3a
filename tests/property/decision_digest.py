"""Prints a digest of all bytes a long history leads to, and how decision/ was loaded: compiled or interpreted."""

from __future__ import annotations

import json
from hashlib import sha256

import natalog.decision.decide
from tests.property.decision_histories import history
from tests.property.test_decision_fold import decided

COMMANDS = 3000


def digest(seed: int) -> str:
    """SHA-256 over entries, Successions and packed states, in order."""
    sent = history(seed, COMMANDS)
    ledger = decided(sent[:1000], *([one] for one in sent[1000:1500]), sent[1500:])
    said = sha256()
    for key, value in ledger.entries:
        said.update(key + value)
    for key, partition, value in ledger.successions:
        said.update(key + bytes([partition]) + value)
    for key in sorted(ledger.states):
        said.update(key + ledger.states[key])
    return said.hexdigest()


if __name__ == "__main__":
    loaded = natalog.decision.decide.__file__ or ""
    print(json.dumps({"compiled": loaded.endswith(".so"), "digests": [digest(1), digest(2)]}))
