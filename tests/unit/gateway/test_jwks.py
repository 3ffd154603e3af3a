"""Where keys come from, when they are read again, and what of a set is used."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from natalog.exits import Exit
from natalog.gateway import main as main_module
from natalog.gateway.auth import RELOAD_AFTER, RELOAD_FAILED, Keys, Verifier
from natalog.gateway.problems import Problem
from natalog.local.issuer import create_keys
from natalog.settings import Settings
from tests.unit.gateway.tokens import CLAIMS, ORG, bearer, caller_of, rsa_pair


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


def test_a_clock_that_is_set_back_does_not_make_a_token_remembered_for_longer(
    issuer: Any, tmp_path: Path
) -> None:
    mono, wall = [0.0], [time.time()]
    keys = Keys(issuer.jwks, clock=lambda: mono[0])
    checks = Verifier(keys, clock=lambda: wall[0], mono=lambda: mono[0])
    old = bearer(issuer)
    caller_of(checks, old)
    _, after = exchange(issuer, tmp_path)
    issuer.jwks.write_bytes(after)
    wall[0] -= 3_600
    mono[0] += RELOAD_AFTER + 1
    with pytest.raises(Problem):
        caller_of(checks, old)


def bearer_again(checks: Verifier, header: str) -> str:
    checks._known.clear()  # as after a minute
    return header


NO_SETS = [
    b"<html>",
    b"",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"keys":7}',
    b'{"keys":[7]}',
    b'{"keys":[{"kty":"RSA","kid":"k","n":"!","e":"AQAB"}]}',
    b'{"keys":[{"kty":"OKP","crv":"Ed25519"}]}',
    b'{"keys":[{"kty":"EC","crv":"P-256"}]}',
]


@pytest.mark.parametrize("content", NO_SETS, ids=lambda content: content[:40])
def test_while_the_set_cannot_be_read_the_old_one_serves_and_the_next_look_comes_soon(
    issuer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    now = [0.0]
    checks = Verifier(Keys(issuer.jwks, clock=lambda: now[0]))
    old = bearer(issuer)
    caller_of(checks, old)
    _, after = exchange(issuer, tmp_path)
    issuer.jwks.write_bytes(content)
    now[0] += 3_600
    for _ in range(5):  # one look in that time
        assert caller_of(checks, bearer_again(checks, old))
        now[0] += RELOAD_FAILED / 5
    assert len([r for r in caplog.records if r.message == "JWKS cannot be read"]) == 1
    issuer.jwks.write_bytes(after)
    now[0] += 1
    with pytest.raises(Problem):
        caller_of(checks, bearer_again(checks, old))


def test_a_key_that_cannot_be_read_does_not_hide_the_others(issuer: Any) -> None:
    """RFC 7517 section 5."""
    known = json.loads(issuer.jwks.read_bytes())["keys"]
    for odd in (7, {}, {"kty": "RSA", "kid": "k", "n": "!", "e": "AQAB"}, {"kty": "OKP", "crv": "Ed448"}):
        issuer.jwks.write_text(json.dumps({"keys": [odd, *known]}))
        assert caller_of(Verifier(Keys(issuer.jwks)), bearer(issuer))


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
