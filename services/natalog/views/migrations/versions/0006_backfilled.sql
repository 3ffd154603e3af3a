-- Backfill done (完成补报) by year of registration, as the dashboard Province counts it anew every half minute: from this
-- index alone, the rows of one province, instead of from all filings. No unit codes in it: a day of a prefecture has many
-- rows, which an index keeps under one key, while a station's day has one or two.

CREATE INDEX filings_backfilled ON filings (province, prefecture, registered_day)
    WHERE backfill AND verdict = 'ACCEPTED' AND NOT amendment;
