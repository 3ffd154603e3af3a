"""The period that is assessed: a Beijing year, month or day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Period:
    """Beijing dates from `first` on, up to and without `after`."""

    text: str
    first: date
    after: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """From 2026, 2026-10 or 2026-10-31. Raises ValueError with a sentence."""
        found = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", text)
        if found is None:
            raise ValueError(f"{text!r} is no period: a year (2026), a month (2026-10) or a day (2026-10-31)")
        year = int(found[1])
        try:
            if found[2] is None:
                return cls(text, date(year, 1, 1), date(year + 1, 1, 1))
            first = date(year, int(found[2]), int(found[3] or 1))
            if found[3] is not None:
                return cls(text, first, first + timedelta(days=1))
            return cls(text, first, (first + timedelta(days=31)).replace(day=1))
        except (ValueError, OverflowError) as wrong:
            raise ValueError(f"{text!r} is no period: {wrong}") from None

    @property
    def begins(self) -> datetime:
        """00:00 Beijing of the first day."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=BEIJING)

    @property
    def ends(self) -> datetime:
        """00:00 Beijing of the day after the last."""
        return datetime(self.after.year, self.after.month, self.after.day, tzinfo=BEIJING)
