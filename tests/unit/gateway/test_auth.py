"""Bearer tokens: what is accepted, as whom, and what the roles open."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from natalog.gateway.auth import Keys, Verifier
from natalog.gateway.problems import Problem
from natalog.gateway.roles import MAY, Call, allowed
from natalog.local.issuer import create_keys, sign

ORG = "330106520000"


@pytest.fixture
def issuer(tmp_path: Path) -> Any:
    return create_keys(tmp_path)


def verifier(keys: Any, **options: Any) -> Verifier:
    return Verifier(Keys(keys.jwks), **options)


def bearer(issuer: Any, **claims: Any) -> str:
    wanted = {"sub": "desk-1", "org": ORG, "roles": ["station"], "lifetime": 60} | claims
    return f"Bearer {sign(issuer.issuer, **wanted)}"


def test_a_good_token_names_its_principal(issuer: Any) -> None:
    caller = verifier(issuer).caller(bearer(issuer))
    assert (caller.principal.sub, caller.principal.org, caller.principal.roles) == (
        "desk-1",
        ORG,
        ("station",),
    )
    assert Call.FILING in caller.calls


@pytest.mark.parametrize(("org", "padded"), [("33", "330000"), ("3301", "330100"), ("330106", "330106")])
def test_a_division_is_padded(issuer: Any, org: str, padded: str) -> None:
    assert verifier(issuer).caller(bearer(issuer, org=org)).principal.org == padded


@pytest.mark.parametrize(
    "claims",
    [
        {"org": "3"},
        {"org": "33010652000X"},
        {"sub": ""},
        {"sub": "11010119900307851X"},
        {"sub": "with space"},
        {"lifetime": -60},
    ],
)
def test_claims_that_are_not_accepted(issuer: Any, claims: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        verifier(issuer).caller(bearer(issuer, **claims))
    assert refused.value.status == 401


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic x", "Bearer a.b.c", "Bearer x"])
def test_headers_that_are_no_token(issuer: Any, header: str | None) -> None:
    with pytest.raises(Problem) as refused:
        verifier(issuer).caller(header)
    assert refused.value.status == 401


def test_rs256_and_no_confusion_of_algorithms(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "r", "alg": "RS256"}
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk]}))
    claims = {"sub": "x", "org": ORG, "roles": ["auditor"], "exp": 4_000_000_000}
    checks = Verifier(Keys(path))
    good = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "r"})
    assert checks.caller(f"Bearer {good}").principal.roles == ("auditor",)
    for algorithm, secret in (("RS512", key), ("HS256", "0" * 64), ("none", None)):
        forged = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": "r"})
        with pytest.raises(Problem):
            checks.caller(f"Bearer {forged}")


def test_issuer_and_audience_when_they_are_set(issuer: Any) -> None:
    with pytest.raises(Problem):
        verifier(issuer, issuer="https://issuer").caller(bearer(issuer))
    with pytest.raises(Problem):
        verifier(issuer, audience="natalog").caller(bearer(issuer))


def test_a_new_key_is_found_and_an_expired_token_is_not_remembered(issuer: Any, tmp_path: Path) -> None:
    now = [1000.0]
    keys = Keys(issuer.jwks, clock=lambda: now[0])
    old = bearer(issuer)
    Verifier(keys).caller(old)
    os.unlink(issuer.issuer)
    renewed = create_keys(tmp_path)
    with pytest.raises(Problem):  # looked at a moment ago
        Verifier(keys).caller(bearer(renewed))
    now[0] += 3
    assert Verifier(keys).caller(bearer(renewed))
    with pytest.raises(Problem):
        Verifier(keys).caller(old)


def test_an_issuer_that_is_away_does_not_stop_known_keys(issuer: Any) -> None:
    now = [0.0]
    checks = Verifier(Keys(issuer.jwks, clock=lambda: now[0]))
    checks.caller(bearer(issuer))
    issuer.jwks.unlink()
    now[0] += 1_000
    assert checks.caller(bearer(issuer, sub="desk-2"))


def test_roles_add_up_and_unknown_ones_open_nothing() -> None:
    assert allowed(["nobody"]) == frozenset()
    assert allowed(["station", "health_authority"]) == MAY["station"] | MAY["health_authority"]


def test_who_changes_numbers_and_who_never_does() -> None:
    changing = {
        Call.CLAIM,
        Call.RELEASE,
        Call.COMPLETION,
        Call.FILING,
        Call.WITHDRAWAL,
        Call.BLACKLIST_CHANGE,
        Call.INVALIDATION,
        Call.APPROVE_WITHDRAWAL,
        Call.BACKFILL,
    }
    assert not (MAY["operator"] | MAY["auditor"]) & changing
    assert Call.BACKFILL not in MAY["station"]
    assert Call.APPROVE_WITHDRAWAL not in MAY["adapter"]
    assert Call.FILING not in MAY["province_admin"]
