"""A made-up population that follows the published births.

`filings(Population(seed=1, count=1_000_000))` yields registrations in the JSON form of `POST /v1/filings`;
`lines(...)` adds the claims and completions of a day at the desk. Streaming, in constant memory.
"""

from natalog.sample.placement import Record
from natalog.sample.population import Population, filings
from natalog.sample.stories import Kinds, lines

__all__ = ["Kinds", "Population", "Record", "filings", "lines"]
