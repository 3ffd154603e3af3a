"""The local stack's own token issuer and secrets; in production both come from outside.

Under DIR/keys: `issuer.pem` (Ed25519, signs bearer tokens), `jwks.json` (its public half, for the gateway),
`seal.key` (32 bytes, seals the copy of unreadable records).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Keys:
    """Paths of the local secrets."""

    issuer: Path
    jwks: Path
    seal: Path


def keys_in(directory: Path) -> Keys:
    """Where the keys of a data directory lie, whether they exist or not."""
    keys = directory / "keys"
    return Keys(issuer=keys / "issuer.pem", jwks=keys / "jwks.json", seal=keys / "seal.key")


def create_keys(directory: Path) -> Keys:
    """Make what is missing; what is there stays, so tokens of an earlier run remain good."""
    keys = keys_in(directory)
    keys.issuer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not keys.issuer.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write_secret(keys.issuer, pem)
    public = _load(keys.issuer).public_key()
    x = _b64(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": _thumbprint(x), "use": "sig", "alg": "EdDSA"}
    keys.jwks.write_text(json.dumps({"keys": [jwk]}, indent=1), encoding="utf-8")
    if not keys.seal.exists():
        _write_secret(keys.seal, secrets.token_bytes(32))
    return keys


def sign(issuer: Path, *, sub: str, org: str, roles: Sequence[str], lifetime: int) -> str:
    """An EdDSA bearer token with `sub`, `org`, `roles`, good from now for `lifetime` seconds.

    Raises FileNotFoundError when the key is missing.
    """
    key = _load(issuer)
    x = _b64(key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    now = int(time.time())
    claims = {"sub": sub, "org": org, "roles": list(roles), "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": _thumbprint(x)})


def _load(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds no Ed25519 key")
    return key


def _write_secret(path: Path, content: bytes) -> None:
    # Created with its final mode, under another name: never readable by others, never half written.
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    draft.rename(path)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _thumbprint(x: str) -> str:
    """RFC 7638, with the members RFC 8037 requires."""
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    return _b64(hashlib.sha256(canonical.encode()).digest())
