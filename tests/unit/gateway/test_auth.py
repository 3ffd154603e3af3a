"""Bearer tokens: what is accepted, as whom, and what the roles open."""

from __future__ import annotations

import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from natalog.gateway.auth import Keys, Verifier
from natalog.gateway.problems import Problem
from natalog.gateway.roles import MAY, Call, allowed
from tests.unit.gateway.tokens import CLAIMS, ORG, bearer, caller_of, rsa_pair


def verifier(keys: Any, **options: Any) -> Verifier:
    return Verifier(Keys(keys.jwks), **options)


def test_a_good_token_names_its_principal(issuer: Any) -> None:
    caller = caller_of(verifier(issuer), bearer(issuer))
    assert (caller.principal.sub, caller.principal.org, caller.principal.roles) == (
        "desk-1",
        ORG,
        ("station",),
    )
    assert Call.FILING in caller.calls


@pytest.mark.parametrize(("org", "padded"), [("33", "330000"), ("3301", "330100"), ("330106", "330106")])
def test_a_division_is_padded(issuer: Any, org: str, padded: str) -> None:
    assert caller_of(verifier(issuer), bearer(issuer, org=org)).principal.org == padded


@pytest.mark.parametrize(
    "claims",
    [
        {"org": "3"},
        {"org": "33010652000X"},
        {"sub": ""},
        {"sub": "11010119900307851X"},
        {"sub": "110101900307851"},
        {"sub": "desk-11010119900307851X"},
        {"sub": "with space"},
        {"lifetime": -60},
    ],
)
def test_claims_that_are_not_accepted(issuer: Any, claims: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        caller_of(verifier(issuer), bearer(issuer, **claims))
    assert refused.value.status == 401


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic x", "Bearer a.b.c", "Bearer x"])
def test_headers_that_are_no_token(issuer: Any, header: str | None) -> None:
    with pytest.raises(Problem) as refused:
        caller_of(verifier(issuer), header)
    assert refused.value.status == 401


def test_rs256_and_no_confusion_of_algorithms(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "r", "alg": "RS256"}
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk]}))
    claims = {"sub": "x", "org": ORG, "roles": ["auditor"], "exp": 4_000_000_000}
    checks = Verifier(Keys(path))
    good = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "r"})
    assert caller_of(checks, f"Bearer {good}").principal.roles == ("auditor",)
    for algorithm, secret in (("RS512", key), ("HS256", "0" * 64), ("none", None)):
        forged = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": "r"})
        with pytest.raises(Problem):
            caller_of(checks, f"Bearer {forged}")


def test_issuer_and_audience_when_they_are_set(issuer: Any) -> None:
    with pytest.raises(Problem):
        caller_of(verifier(issuer, issuer="https://issuer"), bearer(issuer))
    with pytest.raises(Problem):
        caller_of(verifier(issuer, audience="natalog"), bearer(issuer))


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


def unchecked(header: dict[str, Any], claims: dict[str, Any], sign_with: bytes | None) -> str:
    """A token as a forger makes it: PyJWT itself refuses to sign HS256 with a public key."""
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, claims)]
    signed = b".".join(parts)
    mac = b"" if sign_with is None else hmac.new(sign_with, signed, "sha256").digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def detail(checks: Verifier, token: str) -> str:
    with pytest.raises(Problem) as refused:
        caller_of(checks, f"Bearer {token}")
    assert (refused.value.status, refused.value.kind) == (401, "bad-token")
    assert token not in refused.value.body().decode()
    return refused.value.detail


def test_a_public_key_is_no_shared_secret(tmp_path: Path) -> None:
    _, path, pem = rsa_pair(tmp_path)
    for algorithm in ("HS256", "hs256", "none", "NONE", "", None, "RS512", "ES256"):
        forged = unchecked(
            {"alg": algorithm, "kid": "r", "typ": "JWT"}, CLAIMS, pem if algorithm != "none" else None
        )
        assert "EdDSA or RS256" in detail(Verifier(Keys(path)), forged)
    # The right name over the wrong signature.
    detail(Verifier(Keys(path)), unchecked({"alg": "RS256", "kid": "r"}, CLAIMS, pem))
    # An algorithm that is taken, but not of this key.
    assert "not that of its key" in detail(
        Verifier(Keys(path)), unchecked({"alg": "EdDSA", "kid": "r"}, CLAIMS, pem)
    )


def test_another_issuers_key_under_a_known_id(issuer: Any, tmp_path: Path) -> None:
    kid = jwt.get_unverified_header(bearer(issuer).split()[1])["kid"]
    foreign = jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": kid})
    assert "not valid here" in detail(verifier(issuer), foreign)
    assert "not known here" in detail(
        verifier(issuer),
        jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "x"}),
    )


@pytest.mark.parametrize(
    ("claims", "leeway", "says"),
    [
        ({"exp": -30}, 10, "expired"),
        ({"exp": -30}, 60, None),
        ({"nbf": 30}, 10, "not valid yet"),
        ({"nbf": 30}, 60, None),
        ({"iat": 3600}, 10, "not valid yet"),
        ({"nbf": -30, "iat": -30}, 0, None),
    ],
)
def test_clocks_may_differ_by_the_leeway(
    tmp_path: Path, claims: dict[str, int], leeway: float, says: str | None
) -> None:
    key, path, _ = rsa_pair(tmp_path)
    now = int(time.time())
    token = jwt.encode(
        CLAIMS | {name: now + at for name, at in claims.items()}, key, algorithm="RS256", headers={"kid": "r"}
    )
    checks = Verifier(Keys(path), leeway=leeway)
    if says is None:
        assert caller_of(checks, f"Bearer {token}")
    else:
        assert says in detail(checks, token)


@pytest.mark.parametrize(
    ("claims", "says"),
    [({}, "not valid here"), ({"aud": "other"}, "another service"), ({"aud": ["a", "natalog"]}, None),
     ({"aud": "natalog", "iss": "https://elsewhere"}, "another issuer")],
)  # fmt: skip
def test_audience_and_issuer(tmp_path: Path, claims: dict[str, Any], says: str | None) -> None:
    key, path, _ = rsa_pair(tmp_path)
    token = jwt.encode(
        {"iss": "https://issuer", **CLAIMS, **claims}, key, algorithm="RS256", headers={"kid": "r"}
    )
    checks = Verifier(Keys(path), audience="natalog", issuer="https://issuer")
    if says is None:
        assert caller_of(checks, f"Bearer {token}")
    else:
        assert says in detail(checks, token)


@pytest.mark.parametrize("missing", ["exp", "sub", "org", "roles"])
def test_what_a_token_must_say(tmp_path: Path, missing: str) -> None:
    key, path, _ = rsa_pair(tmp_path)
    claims = {name: value for name, value in CLAIMS.items() if name != missing}
    detail(Verifier(Keys(path)), jwt.encode(claims, key, algorithm="RS256", headers={"kid": "r"}))


def test_roles_of_natalog_itself_are_nobodys_to_claim(issuer: Any) -> None:
    caller = caller_of(verifier(issuer), bearer(issuer, roles=["station", "registrar", "watch", "station"]))
    assert caller.principal.roles == ("station",)
    assert caller.calls == MAY["station"]


@pytest.mark.parametrize("exp", [int("9" * 400), float("inf"), float("nan")])
def test_a_time_beyond_all_numbers_is_no_fault_of_the_gateway(tmp_path: Path, exp: Any) -> None:
    key, path, _ = rsa_pair(tmp_path)
    token = jwt.encode(CLAIMS | {"exp": exp}, key, algorithm="RS256", headers={"kid": "r"})
    detail(Verifier(Keys(path)), token)
