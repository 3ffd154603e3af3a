"""In which field two records differ."""

from __future__ import annotations

import uuid
from dataclasses import fields
from hashlib import sha256

from natalog import events
from natalog.wire.codec import decode
from natalog.wire.errors import WireError


def entry_differences(expected: bytes, found: bytes) -> list[tuple[str, str, str]]:
    """Field, expected and found, of two entry values that are not the same.

    Entries that say the same in other bytes differ in their `encoding`. Inputs are told by their hash alone.
    """
    ours, theirs = decode(expected), decode(found)
    differing = [
        (field.name, _text(getattr(ours, field.name)), _text(getattr(theirs, field.name)))
        for field in fields(ours)
        if getattr(ours, field.name) != getattr(theirs, field.name)
    ]
    return differing or [("encoding", _digest(expected), _digest(found))]


def changed_fields(expected: bytes, found: bytes) -> list[str]:
    """Names of the fields in which two intake records differ; an empty name where that cannot be told.

    Names alone: the values may be personal.
    """
    try:
        ours, theirs = decode(expected), decode(found)
    except WireError:
        return [""]
    if type(ours) is not type(theirs):
        return [""]
    names = [f.name for f in fields(ours) if getattr(ours, f.name) != getattr(theirs, f.name)]
    return names or [""]


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case tuple():
            return ", ".join(str(part) for part in value) or "none"
        case bytes():
            return value.hex() if len(value) <= 64 else _digest(value)
        case events.Repeat():
            return f"repeat of {value.event_id}, content {value.content.hex()}"
        case events.Unreadable():
            return (
                f"unreadable, {value.length} bytes, sha256 {value.hash.hex()}, copy {_digest(value.sealed)}"
            )
        case uuid.UUID():
            return str(value)
    return str(value)


def _digest(value: bytes) -> str:
    return f"sha256 {sha256(value).hexdigest()}"
