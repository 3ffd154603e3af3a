"""Who acts in the demo, and their tokens from the local issuer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from natalog.local.issuer import sign

LIFETIME = 12 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Person:
    """The bearer of a token. Two-person rules go by `sub`."""

    role: str
    org: str
    sub: str


def desk(unit: str) -> Person:
    """The officer at a station's desk."""
    return Person("station", unit, f"desk-{unit}")


def adapter(unit: str) -> Person:
    """The adapter of a station's local system."""
    return Person("adapter", unit, f"adapter-{unit}")


def admin(prefecture: str, name: str = "a") -> Person:
    """One of a prefecture's administrators; `prefecture` is a six-digit code."""
    return Person("prefecture_admin", prefecture, f"admin-{prefecture}-{name}")


def province_admin(province: str) -> Person:
    """An administrator of the province (six digits)."""
    return Person("province_admin", province, f"admin-{province}")


def issuer(division: str) -> Person:
    """The health authority that issues and voids certificates in a division."""
    return Person("health_authority", division, f"health-{division}")


@dataclass(slots=True)
class Tokens:
    """Signs one token per person and keeps it."""

    issuer_key: Path
    _kept: dict[Person, str] = field(default_factory=dict)

    def of(self, person: Person) -> str:
        """The person's bearer token."""
        token = self._kept.get(person)
        if token is None:
            token = self._kept[person] = sign(
                self.issuer_key, sub=person.sub, org=person.org, roles=[person.role], lifetime=LIFETIME
            )
        return token
