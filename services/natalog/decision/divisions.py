"""Which division contains which: a dated table, since counties move and codes lie.

Codes are GB/T 2260, six digits; a police unit (GA 380-2002) carries its division in the first six of its
twelve. A prefix does not tell containment: the municipalities 11, 12, 31 and 50 have no prefecture, a code
with 90 in the middle is a county directly under its province, and a county keeps its old code in old
records after it moved. `day` is days since 1970-01-01, Beijing date.

Source: GB/T 2260 with the Ministry of Civil Affairs' yearly changes since 2012 (民政部 行政区划变更), the first year
the notice asks back to. 66 is the code police and health use for the Xinjiang Bingtuan (兵团).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MUNICIPALITIES: Final[frozenset[str]] = frozenset(["11", "12", "31", "50"])

_PREFECTURES: Final[dict[str, str]] = {
    "13": "01 02 03 04 05 06 07 08 09 10 11",
    "14": "01 02 03 04 05 06 07 08 09 10 11",
    "15": "01 02 03 04 05 06 07 08 09 22 25 29",
    "21": "01 02 03 04 05 06 07 08 09 10 11 12 13 14",
    "22": "01 02 03 04 05 06 07 08 24",
    "23": "01 02 03 04 05 06 07 08 09 10 11 12 27",
    "32": "01 02 03 04 05 06 07 08 09 10 11 12 13",
    "33": "01 02 03 04 05 06 07 08 09 10 11",
    "34": "01 02 03 04 05 06 07 08 10 11 12 13 15 16 17 18",
    "35": "01 02 03 04 05 06 07 08 09",
    "36": "01 02 03 04 05 06 07 08 09 10 11",
    "37": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17",
    "41": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17",
    "42": "01 02 03 05 06 07 08 09 10 11 12 13 28",
    "43": "01 02 03 04 05 06 07 08 09 10 11 12 13 31",
    "44": "01 02 03 04 05 06 07 08 09 12 13 14 15 16 17 18 19 20 51 52 53",
    "45": "01 02 03 04 05 06 07 08 09 10 11 12 13 14",
    "46": "01 02 03 04",
    "51": "01 03 04 05 06 07 08 09 10 11 13 14 15 16 17 18 19 20 32 33 34",
    "52": "01 02 03 04 05 06 23 26 27",
    "53": "01 03 04 05 06 07 08 09 23 25 26 28 29 31 33 34",
    "54": "01 02 03 04 05 06 21 22 23 24 25 26",
    "61": "01 02 03 04 05 06 07 08 09 10",
    "62": "01 02 03 04 05 06 07 08 09 10 11 12 29 30",
    "63": "01 02 21 22 23 25 26 27 28",
    "64": "01 02 03 04 05",
    "65": "01 02 04 05 21 22 23 27 28 29 30 31 32 40 42 43",
    "66": "01 02 03 04 05 06 07 08 09 10 11 12 13 14",
}
"""Third and fourth digit of every prefecture that existed on a day since 2012-01-01, by province. Every rule set
knows all of this and of `_DIRECT`: what is new, or found missing, is a row of `CHANGES`."""

_DIRECT: Final[dict[str, str]] = {
    "4190": "01",
    "4290": "04 05 06 21",
    "4690": "01 02 03 05 06 07 21 22 23 24 25 26 27 28 29 30",
    "6590": "01 02 03 04 05 06 07 08 09 10 11 12",
}
"""Last two digits of every county and city directly under its province: each is its own prefecture."""

CHANGES: Final[list[tuple[str, str, i64]]] = [
    ("4690 03", "460400", 16485),  # Danzhou became a prefecture, 2015-02-19
    ("3712", "370100", 17904),  # Laiwu into Jinan, 2019-01-08
    ("5423", "540200", 16247),  # Xigazê prefecture into the city, 2014-06-26
    ("5421", "540300", 16363),  # Qamdo, 2014-10-20
    ("5426", "540400", 16520),  # Nyingchi, 2015-03-26
    ("5422", "540500", 16833),  # Shannan, 2016-02-02
    ("5424", "540600", 17356),  # Nagqu, 2017-07-09
    ("6321", "630200", 15744),  # Haidong, 2013-02-08
    ("6521", "650400", 16537),  # Turpan, 2015-04-12
    ("6522", "650500", 16852),  # Hami, 2016-02-21
    ("3415 21", "340400", 16772),  # Shou county from Lu'an to Huainan, 2015-12-03
    ("3408 23", "340700", 16720),  # Zongyang from Anqing to Tongling, 2015-10-12
    ("5120 81", "510100", 16924),  # Jianyang from Ziyang to Chengdu, 2016-05-03
    ("2203 81", "220100", 18424),  # Gongzhuling from Siping to Changchun, 2020-06-11
]
"""Who owns what from a day on: first four digits or whole code, the prefecture (a new one's own code where it is
new itself), first day. The order is fixed for ever and new rows go to the end, in whatever order their days are: a
rule set says how many rows it knows."""

ALL: Final[i64] = len(CHANGES)


def text(rows: int) -> str:
    """The table as text as far as a rule set knows it: the set's digest rests on it."""
    return repr(
        (sorted(MUNICIPALITIES), sorted(_PREFECTURES.items()), sorted(_DIRECT.items()), CHANGES[:rows])
    )


def _changes() -> dict[str, list[tuple[i64, i64, str]]]:
    """Day, row and heir of the changes of each code, by day."""
    changes: dict[str, list[tuple[i64, i64, str]]] = {}
    for row, (code, heir, day) in enumerate(CHANGES):
        changes.setdefault(code.replace(" ", ""), []).append((day, row, heir))
    for of_one in changes.values():
        of_one.sort()
    return changes


_CHANGES: Final[dict[str, list[tuple[i64, i64, str]]]] = _changes()


def _table() -> dict[str, str]:
    owners: dict[str, str] = {}
    for province, middles in _PREFECTURES.items():
        for middle in middles.split():
            owners[province + middle] = province + middle + "00"
    for under, endings in _DIRECT.items():
        for ending in endings.split():
            owners[under + ending] = under + ending
    return owners


_OWNERS: Final[dict[str, str]] = _table()


def prefectures() -> list[str]:
    """Every prefecture `prefecture_of` may name, in order."""
    heirs = [heir for _, heir, _ in CHANGES]
    return sorted({*_OWNERS.values(), *heirs, *(code + "0000" for code in MUNICIPALITIES)})


def division_of(code: str) -> str:
    """The six digits of a division or of a police unit (12 digits). "" where `code` is neither."""
    if len(code) in (6, 12) and code.isascii() and code.isdigit():
        return code[0:6]
    return ""


def province_of(code: str) -> str:
    """The province (six digits) of a division or unit; "" where there is none such."""
    division = division_of(code)
    province = division[0:2]
    if province in MUNICIPALITIES or province in _PREFECTURES:
        return province + "0000"
    return ""


def _heir(code: str, day: i64, rows: i64) -> str:
    """Who owns a code on `day` by the first `rows` changes; "" where none tells."""
    found = ""
    changes = _CHANGES.get(code)
    if changes is not None:
        for since, row, heir in changes:
            if row < rows and since <= day:
                found = heir
    return found


def prefecture_of(code: str, day: i64, rows: i64 = ALL) -> str:
    """The prefecture that owns a division or unit on `day`; "" for a province itself and unknown codes.

    A municipality is its own prefecture, and so is a county directly under a province (4190, 4290, 4690, 6590).
    `rows`, here and below: how many rows of `CHANGES` count (`RuleSet.divisions`); all, where nothing is decided.
    """
    division = division_of(code)
    if division == "":
        return ""
    if division[0:2] in MUNICIPALITIES:
        return division[0:2] + "0000"
    heir = _heir(division, day, rows)
    if heir == "":
        heir = _heir(division[0:4], day, rows)
    if heir != "":
        return heir
    owner = _OWNERS.get(division[0:4])
    return owner if owner is not None else _OWNERS.get(division, "")


def contains(org: str, code: str, day: i64, rows: i64 = ALL) -> bool:
    """Whether `org`, a division or a 12-digit unit, contains the division or unit `code` on `day`.

    A unit contains itself only; a county its own units; a prefecture what it owns that day; a province all.
    """
    if org == code:
        return division_of(org) != ""
    if len(org) == 12:
        # Twelve digits that end in zeros after the division name the division's own police bureau.
        return org.endswith("000000") and contains(org[0:6], code, day, rows)
    division = division_of(org)
    if division == "" or division_of(code) == "":
        return False
    if division == province_of(division):
        return province_of(code) == division
    if prefecture_of(division, day, rows) == division:
        return prefecture_of(code, day, rows) == division
    return division_of(code) == division


def same_prefecture(a: str, b: str, day: i64, rows: i64 = ALL) -> bool:
    """Whether two divisions or units are owned by one prefecture that day, or are one and the same."""
    if a == b:
        return True
    owner = prefecture_of(a, day, rows)
    return owner != "" and owner == prefecture_of(b, day, rows)
