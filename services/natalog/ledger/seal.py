"""Sealing of records nobody could read: they may hold anything, personal data too.

SM4-GCM (GB/T 32907), deterministic, so that deciding again gives the same bytes: the nonce is derived from the
record's hash under a key of its own, and equal nonces mean equal records. Form: nonce (12 bytes), ciphertext, tag (16).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_NONCE = 12
_TAG = 16
_KEY = 32


class SealKeyError(ValueError):
    """The key file cannot be used; the message says why."""


def seal_with(key_file: Path | None) -> Callable[[bytes], bytes]:
    """The function that seals under the key in `key_file`: 32 bytes, half for SM4, half for nonces.

    Raises SealKeyError.
    """
    key, nonce_key = _keys(key_file)

    def seal(record: bytes) -> bytes:
        nonce = hmac.digest(nonce_key, hashlib.sha256(record).digest(), "sha256")[:_NONCE]
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        return nonce + encryptor.update(record) + encryptor.finalize() + encryptor.tag

    return seal


def open_with(key_file: Path | None) -> Callable[[bytes], bytes]:
    """The inverse of `seal_with`; what it returns raises ValueError for a copy not sealed under this key."""
    key, _ = _keys(key_file)

    def unseal(sealed: bytes) -> bytes:
        nonce, tag = sealed[:_NONCE], sealed[-_TAG:]
        try:
            decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
            return decryptor.update(sealed[_NONCE:-_TAG]) + decryptor.finalize()
        except InvalidTag:
            raise ValueError("not sealed under this key, or altered") from None

    return unseal


def _keys(key_file: Path | None) -> tuple[bytes, bytes]:
    if key_file is None:
        raise SealKeyError(
            "no key to seal unreadable records with: set NATALOG_SEAL_KEY to a file of 32 random bytes"
        )
    try:
        key = key_file.read_bytes()
    except OSError as error:
        raise SealKeyError(f"the seal key cannot be read: {error}") from error
    if len(key) != _KEY:
        raise SealKeyError(f"{key_file} holds {len(key)} bytes; a seal key is {_KEY} random bytes")
    return key[:16], key[16:]
