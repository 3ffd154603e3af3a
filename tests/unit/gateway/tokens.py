"""Issuers, tokens and what a verifier makes of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from natalog.gateway.auth import Caller, Verifier
from natalog.local.issuer import sign

ORG = "330106520000"


def caller_of(checks: Verifier, header: str | None) -> Caller:
    return asyncio.run(checks.caller(header))


def bearer(issuer: Any, **claims: Any) -> str:
    wanted = {"sub": "desk-1", "org": ORG, "roles": ["station"], "lifetime": 60} | claims
    return f"Bearer {sign(issuer.issuer, **wanted)}"


def rsa_pair(tmp_path: Path, *, bits: int = 2048, **more: Any) -> tuple[Any, Path, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "r", **more}
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk]}))
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key, path, pem


CLAIMS: dict[str, Any] = {"sub": "x", "org": ORG, "roles": ["auditor"], "exp": 4_000_000_000}
