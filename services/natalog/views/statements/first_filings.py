"""Filings that are the first of their number: found by asking the table of certificates, then copied as they are.

A number without a certificate is in no other table that a filing changes: a registration on it would be of a filing or
an accepted completion on it, a claim was granted on it, and each of them made a certificate. (What lies under a key
that is not its number is MISROUTED, and makes none of these.) The position's row is locked before, so nobody else adds
one meanwhile. Should there be a row all the same, the copy fails and is told of, as is a fact that is there already.
"""

from __future__ import annotations

# The bounds leave one partition, the year's. They and the numbers are parameters of a plan that is made once: given the
# numbers themselves, PostgreSQL would think about each of some ten thousand for longer than it takes to look it up.
KNOWN = """
SELECT number FROM certificates
WHERE number >= %(first)s AND number < %(beyond)s AND number = ANY (string_to_array(%(numbers)s, ' '))"""
PLAN_ONCE = "SET plan_cache_mode = force_generic_plan"
