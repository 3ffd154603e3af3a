"""What can be wrong with bytes or JSON that should be a record."""

from __future__ import annotations


class WireError(ValueError):
    """Bytes or JSON that are not a record of Natalog. No text of these repeats any of it."""

    safe_to_log = True


class Unreadable(WireError):
    """The value is no record: truncated, trailing bytes, not in single-object encoding, or absent.

    The registrar answers it with one UNREADABLE entry. The text carries no part of the value.
    """


class UnknownFingerprint(WireError):
    """A well-formed header that names a schema this build does not have.

    Never a verdict: a newer Natalog wrote it, so the reader stops that partition and people upgrade it.
    `fingerprint` is the CRC-64-AVRO as 16 hex digits, in the order of the bytes.
    """

    def __init__(self, fingerprint: bytes) -> None:
        self.fingerprint = fingerprint.hex()
        super().__init__(
            f"schema fingerprint {self.fingerprint} is unknown to this build: "
            "run a build whose schemas/published holds it"
        )


class UnknownCode(WireError):
    """An entry uses a code that this build's tables do not have: like UnknownFingerprint, never a verdict."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"the ledger uses {code!r}, which this build does not know: run a newer build")


class BadField(WireError):
    """A field of a JSON form that cannot be taken.

    `field` is the JSON name (dotted inside a nested object, empty for the whole object), `problem` says what
    is wrong and `suggestion` what to do, each a plain English sentence. Neither repeats the value.
    """

    def __init__(self, field: str, problem: str, suggestion: str) -> None:
        self.field = field
        self.problem = problem
        self.suggestion = suggestion
        super().__init__(f"{field}: {problem} {suggestion}" if field else f"{problem} {suggestion}")
