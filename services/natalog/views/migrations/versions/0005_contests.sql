-- Contests (争议): a number may be contested, decided by a withdrawal, and contested again. A certificate keeps the first
-- contest alone, which cannot tell whether a later one is open. What was decided before this migration is taken from the
-- facts.

CREATE TABLE contests (
    partition smallint NOT NULL,
    opened_seq bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    number text COLLATE "C" NOT NULL,
    unit_code text,
    province text,
    prefecture text,
    closed_seq bigint,
    closed_at timestamptz,
    PRIMARY KEY (partition, opened_seq)
);
COMMENT ON TABLE contests IS 'One row per contest of a number (争议): opened by the first entry with CONTESTED, closed by the first withdrawal approved after it.';
COMMENT ON COLUMN contests.unit_code IS 'Whose entry opened it; province and prefecture are this unit''s.';

CREATE TEMPORARY TABLE acts ON COMMIT DROP AS
    SELECT partition, seq, received_at, key, unit_code, province, prefecture, true AS contested
    FROM filings WHERE 'CONTESTED' = ANY (flags) AND wellformed
    UNION ALL
    SELECT partition, seq, received_at, key, unit_code, province, prefecture, kind = 'Succession'
    FROM decisions
    WHERE (kind = 'Succession' AND 'CONTESTED' = ANY (flags))
       OR (kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE' AND first_seq IS NOT NULL
           AND left(key, 2) <> 'r:');
INSERT INTO contests (partition, opened_seq, opened_at, number, unit_code, province, prefecture)
SELECT partition, seq, received_at, key, unit_code, province, prefecture
FROM (SELECT *, lag(contested, 1, false) OVER (PARTITION BY key ORDER BY seq) AS open_already FROM acts) a
WHERE contested AND NOT open_already;
UPDATE contests c SET closed_seq = w.seq, closed_at = w.received_at
FROM (
    SELECT DISTINCT ON (c.partition, c.opened_seq) c.partition, c.opened_seq, a.seq, a.received_at
    FROM contests c JOIN acts a ON a.key = c.number AND NOT a.contested AND a.seq > c.opened_seq
    ORDER BY c.partition, c.opened_seq, a.seq
) w
WHERE c.partition = w.partition AND c.opened_seq = w.opened_seq;
DROP TABLE acts;

CREATE INDEX contests_open ON contests (number) WHERE closed_seq IS NULL;
-- They found what is here now.
DROP INDEX certificates_contested;
DROP INDEX filings_contested;

DROP VIEW contested_numbers;
CREATE VIEW contested_numbers WITH (security_invoker = true) AS
    SELECT c.partition, c.opened_seq, c.opened_at, c.number, c.unit_code, c.prefecture, c.province, r.registrations,
           r.units
    FROM contests c
    CROSS JOIN LATERAL (
        SELECT count(*) AS registrations, array_agg(DISTINCT r.unit_code ORDER BY r.unit_code) AS units
        FROM registrations r WHERE r.key = c.number
    ) r
    WHERE c.closed_seq IS NULL;
COMMENT ON VIEW contested_numbers IS 'Contests that are open, and the units that registered on the number, as far as they may be seen.';

ALTER TABLE contests ENABLE ROW LEVEL SECURITY;
CREATE POLICY country ON contests FOR SELECT TO natalog_reader USING (true);
-- Whoever opened it, and whoever has a registration on the number: registrations are seen under their own policy.
CREATE POLICY province ON contests FOR SELECT TO natalog_province
    USING (province = ANY ((SELECT provinces_seen())::text[])
           OR EXISTS (SELECT FROM registrations r WHERE r.key = contests.number));
GRANT SELECT ON contests, contested_numbers TO natalog_reader, natalog_province;
