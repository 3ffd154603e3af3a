"""Bearer tokens: JWT (RFC 7519) signed with EdDSA or RS256 by a key of the configured JWKS (RFC 7517)."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from natalog.events import Principal
from natalog.gateway.problems import Problem
from natalog.gateway.roles import MAY, Call, allowed
from natalog.wire.fields import looks_like_citizen_id

log = logging.getLogger(__name__)

ALGORITHMS = ("EdDSA", "RS256")
RELOAD_AFTER = 300.0  # seconds after which no key is used before the JWKS was looked at again
RELOAD_UNKNOWN = 2.0  # seconds at least between looks because of keys it did not have
RELOAD_FAILED = 10.0  # seconds at least between looks while it cannot be read: callers wait for each
_READ_WITHIN = 3.0  # seconds
KEPT_TOKENS = 10_000
REMEMBER = 60.0  # seconds a verified token is not looked at again; a withdrawn key bites after that
LEEWAY = 10.0  # seconds by which clocks may differ
MAX_TOKEN = 8_192  # characters; nobody's key is searched for more
_RSA_BITS = 2_048  # an RSA key below this can be factored

_ORG = re.compile(r"[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{12}")
# 1-64 printable characters, and not what looks like a citizen ID: a `sub` is opaque.
_SUB = re.compile(r"(?![0-9]{17}[0-9Xx]$)[\x21-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a verified token speaks for, and what that allows."""

    principal: Principal
    calls: frozenset[Call]
    expires: float
    """Unix time, seconds."""

    def require(self, call: Call) -> None:
        """Raises Problem 403 when no role of the caller allows the call."""
        if call not in self.calls:
            roles = ", ".join(self.principal.roles) or "none"
            raise Problem(
                403,
                "role",
                f"A {call} is not open to the roles of this token ({roles}). Use a token of a role that may.",
            )


@dataclass(slots=True)
class Keys:
    """The JWKS, read from a file or an address and read again when it may have changed."""

    source: Path | str
    clock: Callable[[], float] = time.monotonic
    reload_unknown: float = RELOAD_UNKNOWN
    """Seconds at least between two looks for keys that are not known, so that forged ones cost nothing."""
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _read_at: float = float("-inf")
    """When the reading began that brought the keys."""
    _tried_at: float = float("-inf")
    _reading: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """The key with this id; without an id the only key, if there is just one.

        An unknown key is looked for before it is refused, and one of an old set before it is used: however quiet it
        was, a key that was taken out opens nothing, unless the set cannot be read.
        Raises Problem 503 while no key was ever read.
        """
        known, now = self._known(kid), self.clock()
        if known is None or now - self._read_at > RELOAD_AFTER:
            pause = self.reload_unknown if known is None else RELOAD_FAILED
            if self._reading is None and now - self._tried_at > pause:
                self._tried_at = now
                self._reading = asyncio.create_task(asyncio.to_thread(self._reload, now))
                self._reading.add_done_callback(self._done)
            if self._reading is not None:
                await asyncio.shield(self._reading)
                known = self._known(kid)
        if not self._keys:
            raise Problem(
                503, "not-ready", "The keys that sign tokens cannot be read. Send again later.", retry_after=5
            )
        return known

    def _known(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _done(self, reading: asyncio.Task[None]) -> None:
        self._reading = None

    def _reload(self, began: float) -> None:
        try:
            keys = self._read()["keys"]
            found = dict(_usable(keys))
            if keys and not found:
                raise ValueError("no key of the set can be used")
            self._keys, self._read_at = found, began
        except Exception as error:  # whatever an issuer may send
            # The keys at hand stay good: an issuer that is away for a minute must not stop registrations.
            log.error("JWKS cannot be read", extra={"error": type(error).__name__})

    def _read(self) -> Any:
        if isinstance(self.source, Path):
            return json.loads(self.source.read_text(encoding="utf-8"))
        with urllib.request.urlopen(self.source, timeout=_READ_WITHIN) as answer:
            if not is_trusted(answer.url):  # where it was sent on to
                raise ValueError("the JWKS came by a way on which anybody may change it")
            return json.loads(answer.read(1 << 20))


def _usable(keys: Sequence[Any]) -> Iterator[tuple[str, jwt.PyJWK]]:
    """Key ids and keys that may sign tokens. One that cannot be read is ignored, as RFC 7517 section 5 wants it: the
    issuer's others must not wait until it is mended."""
    for index, jwk in enumerate(keys):
        try:
            if jwk.get("kty") in ("OKP", "RSA") and jwk.get("use", "sig") == "sig":
                key = jwt.PyJWK(jwk)
                if key.algorithm_name in ALGORITHMS and getattr(key.key, "key_size", _RSA_BITS) >= _RSA_BITS:
                    yield str(jwk.get("kid", index)), key
        except Exception as error:  # whatever an issuer may send
            log.warning("a key of the JWKS is ignored", extra={"index": index, "error": type(error).__name__})


def is_trusted(address: str) -> bool:
    """Whether keys may be read there: by https, or http that does not leave this machine."""
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    return parts.scheme == "https" and host != ""


class Verifier:
    """Turns an `Authorization` header into a Caller. Verified tokens are remembered for a while."""

    def __init__(
        self,
        keys: Keys,
        *,
        issuer: str = "",
        audience: str = "",
        leeway: float = LEEWAY,
        clock: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._issuer = issuer or None
        self._audience = audience or None
        self._leeway = leeway
        self._clock = clock
        self._mono = mono
        self._known: dict[str, tuple[Caller, float]] = {}
        """Callers by token, and until when they are remembered: monotonic, since a clock may be set back."""

    async def caller(self, authorization: str | None) -> Caller:
        """Raises Problem 401, with a sentence that says what is wrong with the token, or 503 without any keys."""
        if authorization is None or authorization[:7].lower() != "bearer ":
            raise Problem(401, "no-token", "Send `Authorization: Bearer` and a token.")
        token = authorization[7:].strip()
        now = self._mono()
        known = self._known.get(token)
        if known is not None and known[1] > now and known[0].expires > self._clock():
            return known[0]
        caller = await self._verify(token)
        if len(self._known) >= KEPT_TOKENS:
            self._known.clear()
        self._known[token] = (caller, now + REMEMBER)
        return caller

    async def _verify(self, token: str) -> Caller:
        if len(token) > MAX_TOKEN:
            raise Problem(401, "bad-token", "The token is too long: get a new one.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise Problem(401, "bad-token", "The token must be signed with EdDSA or RS256.")
            key = await self._keys.find(header.get("kid"))
            if key is None:
                raise Problem(
                    401, "bad-token", "The token is signed by a key that is not known here: get a new one."
                )
            # The key decides the algorithm, never the token alone.
            if key.algorithm_name != header["alg"]:
                raise Problem(
                    401, "bad-token", "The token's algorithm is not that of its key: get a new one."
                )
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
            )
            expires = float(claims["exp"])
        except jwt.ExpiredSignatureError:
            raise Problem(401, "bad-token", "The token has expired: get a new one.") from None
        except jwt.ImmatureSignatureError:
            raise Problem(401, "bad-token", "The token is not valid yet: check the issuer's clock.") from None
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise Problem(
                401, "bad-token", "The token is meant for another service or comes from another issuer."
            ) from None
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError):  # a time of 400 digits, or Infinity
            raise Problem(401, "bad-token", "The token is not valid here: get a new one.") from None
        return _caller(claims, expires)


def _caller(claims: dict[str, Any], expires: float) -> Caller:
    sub, org, roles = claims["sub"], claims.get("org"), claims.get("roles")
    if not (isinstance(sub, str) and _SUB.fullmatch(sub)) or looks_like_citizen_id(sub):
        raise Problem(401, "bad-token", "The token's `sub` must be 1 to 64 characters and no citizen ID.")
    if not (isinstance(org, str) and _ORG.fullmatch(org)):
        raise Problem(401, "bad-token", "The token's `org` must be a division or a 12-digit unit.")
    if not (isinstance(roles, list) and all(isinstance(r, str) for r in roles)):
        raise Problem(401, "bad-token", "The token's `roles` must be a list of role names.")
    # Only roles of callers are stamped on records: a token that names one of Natalog's own (registrar, watch) must
    # not make a record look like theirs.
    known = tuple(dict.fromkeys(role for role in roles if role in MAY))
    principal = Principal(sub=sub, org=org if len(org) == 12 else org.ljust(6, "0"), roles=known)
    return Caller(principal=principal, calls=allowed(roles), expires=expires)
