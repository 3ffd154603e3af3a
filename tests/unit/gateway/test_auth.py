"""Bearer tokens: what is accepted, as whom, and what the roles open."""

from __future__ import annotations

import asyncio
import base64
import hmac
import http.server
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from natalog.exits import Exit
from natalog.gateway import main as main_module
from natalog.gateway.auth import RELOAD_AFTER, RELOAD_FAILED, Caller, Keys, Verifier
from natalog.gateway.problems import Problem
from natalog.gateway.roles import MAY, Call, allowed
from natalog.local.issuer import create_keys, sign
from natalog.settings import Settings

ORG = "330106520000"


@pytest.fixture
def issuer(tmp_path: Path) -> Any:
    return create_keys(tmp_path)


def verifier(keys: Any, **options: Any) -> Verifier:
    return Verifier(Keys(keys.jwks), **options)


def caller_of(checks: Verifier, header: str | None) -> Caller:
    return asyncio.run(checks.caller(header))


def bearer(issuer: Any, **claims: Any) -> str:
    wanted = {"sub": "desk-1", "org": ORG, "roles": ["station"], "lifetime": 60} | claims
    return f"Bearer {sign(issuer.issuer, **wanted)}"


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


def test_a_new_key_is_found_and_an_expired_token_is_not_remembered(issuer: Any, tmp_path: Path) -> None:
    now = [1000.0]
    keys = Keys(issuer.jwks, clock=lambda: now[0])
    old = bearer(issuer)
    caller_of(Verifier(keys), old)
    os.unlink(issuer.issuer)
    renewed = create_keys(tmp_path)
    with pytest.raises(Problem):  # looked at a moment ago
        caller_of(Verifier(keys), bearer(renewed))
    now[0] += 3
    assert caller_of(Verifier(keys), bearer(renewed))
    with pytest.raises(Problem):
        caller_of(Verifier(keys), old)


def test_an_issuer_that_is_away_does_not_stop_known_keys(issuer: Any) -> None:
    now = [0.0]
    checks = Verifier(Keys(issuer.jwks, clock=lambda: now[0]))
    caller_of(checks, bearer(issuer))
    issuer.jwks.unlink()
    now[0] += 1_000
    assert caller_of(checks, bearer(issuer, sub="desk-2"))


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


def rsa_pair(tmp_path: Path, *, bits: int = 2048, **more: Any) -> tuple[Any, Path, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "r", **more}
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk]}))
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key, path, pem


CLAIMS: dict[str, Any] = {"sub": "x", "org": ORG, "roles": ["auditor"], "exp": 4_000_000_000}


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


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_keys_that_may_not_sign(tmp_path: Path) -> None:
    for bits, more in ((1024, {}), (2048, {"use": "enc"}), (2048, {"alg": "PS256"})):
        key, path, _ = rsa_pair(tmp_path, bits=bits, **more)
        token = jwt.encode(CLAIMS, key, algorithm="RS256", headers={"kid": "r"})
        with pytest.raises(Problem) as refused:
            caller_of(Verifier(Keys(path)), f"Bearer {token}")
        assert refused.value.status == 503  # no key is left at all


def test_no_keys_at_all_is_nobodys_fault_but_the_gateways(tmp_path: Path) -> None:
    token = jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "x"})
    with pytest.raises(Problem) as refused:
        caller_of(Verifier(Keys(tmp_path / "none.json")), f"Bearer {token}")
    assert (refused.value.status, refused.value.retry_after) == (503, 5)


def test_a_rotated_key_is_found_over_http_by_the_first_request_and_forged_ones_cost_one_look(
    issuer: Any, tmp_path: Path
) -> None:
    now, looks = [0.0], [0]
    served = [issuer.jwks.read_bytes()]

    class Jwks(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            looks[0] += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(served[0])

        def log_message(self, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Jwks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        checks = Verifier(Keys(f"http://127.0.0.1:{server.server_address[1]}/", clock=lambda: now[0]))

        async def play() -> None:
            old = bearer(issuer)
            assert await checks.caller(old)
            os.unlink(issuer.issuer)
            renewed = create_keys(tmp_path)
            served[0] = renewed.jwks.read_bytes()
            now[0] += 3
            # Many at once, and one look for all of them.
            found = await asyncio.gather(*(checks.caller(bearer(renewed, sub=f"d{n}")) for n in range(20)))
            assert {caller.principal.org for caller in found} == {ORG}
            assert looks[0] == 2
            for n in range(50):
                now[0] += 0.03  # less than two seconds in all
                forged = jwt.encode(
                    CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": f"k{n}"}
                )
                with pytest.raises(Problem):
                    await checks.caller(f"Bearer {forged}")
            assert looks[0] == 2
            with pytest.raises(Problem):  # the key that was taken out
                await checks.caller(bearer_of(old))

        def bearer_of(token: str) -> str:
            checks._known.clear()  # as after a minute
            return token

        asyncio.run(play())
        server.shutdown()


def exchange(issuer: Any, tmp_path: Path) -> tuple[bytes, bytes]:
    """The JWKS before and after its key is taken out for another."""
    before = issuer.jwks.read_bytes()
    os.unlink(issuer.issuer)
    after = create_keys(tmp_path).jwks.read_bytes()
    issuer.jwks.write_bytes(before)
    return before, after


def test_a_key_that_was_taken_out_opens_nothing_however_quiet_it_was(issuer: Any, tmp_path: Path) -> None:
    now = [0.0]
    checks = Verifier(Keys(issuer.jwks, clock=lambda: now[0]))
    old, other = bearer(issuer), bearer(issuer, sub="desk-2")
    caller_of(checks, old)
    _, after = exchange(issuer, tmp_path)
    issuer.jwks.write_bytes(after)
    now[0] += RELOAD_AFTER
    assert caller_of(checks, other)  # not old yet: six minutes are stated
    now[0] += 1
    with pytest.raises(Problem):
        caller_of(checks, bearer_again(checks, other))


def bearer_again(checks: Verifier, header: str) -> str:
    checks._known.clear()  # as after a minute
    return header


def test_while_the_set_cannot_be_read_the_old_one_serves_and_the_next_look_comes_soon(
    issuer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    checks = Verifier(Keys(issuer.jwks, clock=lambda: now[0]))
    old = bearer(issuer)
    caller_of(checks, old)
    _, after = exchange(issuer, tmp_path)
    issuer.jwks.write_bytes(b"<html>")
    now[0] += 3_600
    for _ in range(5):  # one look in that time
        assert caller_of(checks, bearer_again(checks, old))
        now[0] += RELOAD_FAILED / 5
    assert len([r for r in caplog.records if r.message == "JWKS cannot be read"]) == 1
    issuer.jwks.write_bytes(after)
    now[0] += 1
    with pytest.raises(Problem):
        caller_of(checks, bearer_again(checks, old))


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("https://issuer.example/jwks", True),
        ("http://127.0.0.1:8081/jwks", True),
        ("http://[::1]/jwks", True),
        ("http://localhost/jwks", True),
        ("http://issuer.example/jwks", False),
        ("http://10.0.0.1/jwks", False),
        ("http://localhost.example/jwks", False),
        ("http://127.0.0.1@issuer.example/jwks", False),
        ("ftp://issuer.example/jwks", False),
        ("file:///etc/jwks", False),
        ("https:///jwks", False),
        ("jwks", False),
        ("http://[", False),
    ],
)
def test_keys_come_by_https_or_from_this_machine(
    address: str, trusted: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[str] = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self: started.append(address))
    code = main_module.main(Settings(jwks_url=address))
    assert started == ([address] if trusted else [])
    assert trusted or (code, "must begin with https://" in caplog.text) == (Exit.REFUSED_TO_START, True)


def test_a_jwks_that_sends_elsewhere_is_not_followed_into_the_open(
    issuer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As urllib does: the answer is that of the last address."""

    class Answer:
        url = "http://issuer.example/jwks"

        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *args: object) -> None: ...

        def read(self, size: int) -> bytes:
            content: bytes = issuer.jwks.read_bytes()
            return content

    monkeypatch.setattr("urllib.request.urlopen", lambda address, timeout: Answer())
    with pytest.raises(Problem) as refused:
        caller_of(Verifier(Keys("https://issuer.example/jwks")), bearer(issuer))
    assert refused.value.status == 503
    monkeypatch.setattr(Answer, "url", "https://issuer.example/jwks")
    assert caller_of(Verifier(Keys("https://issuer.example/jwks")), bearer(issuer))


@pytest.mark.parametrize("exp", [int("9" * 400), float("inf"), float("nan")])
def test_a_time_beyond_all_numbers_is_no_fault_of_the_gateway(tmp_path: Path, exp: Any) -> None:
    key, path, _ = rsa_pair(tmp_path)
    token = jwt.encode(CLAIMS | {"exp": exp}, key, algorithm="RS256", headers={"kid": "r"})
    detail(Verifier(Keys(path)), token)
