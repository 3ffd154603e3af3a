"""What the stations of planted.py did, counted by hand. What is not named is 0 or null."""

from __future__ import annotations

from tests.integration.assessment.planted import HANGZHOU, NANJING, NINGBO, SHANGHAI, SUZHOU

ADMINISTRATORS = "330106000000"
"""The unit that an administrator's listing names."""


def of(text: str, before: dict | None = None) -> dict:
    """Figures from `name=1 name=2.5`, over those there were before."""
    pairs = (part.split("=") for part in text.split())
    return {**(before or {}), **{name: float(value) if "." in value else int(value) for name, value in pairs}}


HALF = {
    HANGZHOU: of("""
        registered=5 filed=4 missing=1 number_complete_percent=100.0
        timed=4 on_time=1 gross_percent=25.0 assessed_percent=50.0 discipline_percent=33.33 rank=3
        late_station=1 late_transport=1 late_ministry=1 overdue_open=1
        delay_p50_seconds=2400.0 delay_p95_seconds=3000.0 delay_max_seconds=3000.0
        to_check=4 checked_first_percent=100.0"""),
    NINGBO: of("""
        registered=6 filed=5 missing=1 exempt=1 number_missing=1 number_complete_percent=75.0
        malformed=1 malformed_percent=20.0
        timed=5 on_time=5 gross_percent=100.0 assessed_percent=100.0 discipline_percent=100.0 rank=2
        delay_p50_seconds=180.0 delay_p95_seconds=180.0 delay_max_seconds=180.0
        to_check=3 checked_first_percent=66.67 claims_unanswered=2 refused_used=1 refused_malformed_number=1
        doubt_unmarried_father=1 doubtful=1 contested_opened=1"""),
    SHANGHAI: of("""
        registered=3 filed=3 number_complete_percent=100.0
        timed=3 on_time=3 gross_percent=100.0 assessed_percent=100.0 discipline_percent=100.0 rank=1
        delay_p50_seconds=180.0 delay_p95_seconds=600.0 delay_max_seconds=600.0
        to_check=3 checked_first_percent=100.0 refused_blacklisted=1 backfill_done=1
        doubt_void_certificate=1 doubt_over_six=1 doubtful=2 over_six_without_evidence=1"""),
    ADMINISTRATORS: {**of("listed=1 void_to_listed_median_hours=2.0"), "rules": []},
}
"""Stations in the middle of October."""

AFTER = {
    HANGZHOU: of(
        """
        filed=5 missing=0 overdue_open=0 timed=5 gross_percent=20.0 late_station=2 assessed_percent=33.33
        overdue_filed=1 discipline_percent=33.33 rank=5 to_check=5 delay_p95_seconds=9060.0
        delay_max_seconds=9060.0""",
        HALF[HANGZHOU],
    ),
    NINGBO: of(
        """
        number_missing=0 number_complete_percent=100.0 to_check=4 checked_first_percent=75.0 contested_closed=1
        claims_unanswered=1
        overdue_open=1 discipline_percent=83.33""",
        HALF[NINGBO],
    ),
    SHANGHAI: of("amendments=1 over_six_without_evidence=0", HALF[SHANGHAI]),
    ADMINISTRATORS: of("void_to_listed_median_hours=3.0", HALF[ADMINISTRATORS]),
    NANJING: of("""
        registered=2 filed=2 number_complete_percent=100.0
        timed=2 on_time=1 gross_percent=50.0 assessed_percent=50.0 discipline_percent=50.0 rank=3 late_station=1
        delay_p50_seconds=180.0 delay_p95_seconds=9000.0 delay_max_seconds=9000.0
        to_check=3 checked_first_percent=100.0 refused_event_id_reused=2"""),
    SUZHOU: of("""
        registered=2 filed=2 number_missing=1 number_complete_percent=50.0 malformed=1 malformed_percent=50.0
        timed=1 on_time=1 never_timed=1 gross_percent=100.0 assessed_percent=100.0
        overdue_filed=1 overdue_untimed=1 discipline_percent=50.0 rank=4
        delay_p50_seconds=180.0 delay_p95_seconds=180.0 delay_max_seconds=180.0
        to_check=2 checked_first_percent=100.0 refused_malformed_number=1"""),
}
"""And after what was owed came and what was wrong was put right."""

PROVINCES = {
    "310000": HALF[SHANGHAI],
    "330000": of("""
        registered=11 filed=9 missing=2 exempt=1 number_missing=1 number_complete_percent=87.5 malformed=1
        malformed_percent=11.11 timed=9 on_time=6 gross_percent=66.67 assessed_percent=85.71
        discipline_percent=75.0 rank=2 delay_p50_seconds=180.0 delay_p95_seconds=3000.0 delay_max_seconds=3000.0
        late_station=1 late_transport=1 late_ministry=1 overdue_open=1 to_check=7 checked_first_percent=85.71
        claims_unanswered=2 refused_used=1 refused_malformed_number=1 doubt_unmarried_father=1 doubtful=1
        contested_opened=1 listed=1 void_to_listed_median_hours=2.0"""),
}
"""Provinces in the middle of October."""
