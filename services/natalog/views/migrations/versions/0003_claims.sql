-- Claims, and what became of them: one that expired and after which the unit was heard of no more is for people to ask
-- about (占用后未登记). Rows are folded like those of `obligations`; what was decided before this migration is taken from
-- the facts.

CREATE TABLE claims (
    partition smallint NOT NULL,
    claimed_seq bigint NOT NULL,
    claimed_at timestamptz NOT NULL,
    number text COLLATE "C" NOT NULL,
    unit_code text NOT NULL,
    province text,
    prefecture text,
    expires_at timestamptz NOT NULL,
    closed_seq bigint,
    closed_at timestamptz,
    closed_by text,
    PRIMARY KEY (partition, claimed_seq)
);
COMMENT ON TABLE claims IS 'One row per claim that was granted (占用); closed by what the unit did next on the number, or by another unit''s filing.';
COMMENT ON COLUMN claims.closed_by IS 'CLAIM (renewed, or claimed again), RELEASE, COMPLETION, FILING of that unit; TAKEN: another unit filed while the claim was open.';

INSERT INTO claims (partition, claimed_seq, claimed_at, number, unit_code, province, prefecture, expires_at)
SELECT partition, seq, received_at, key, unit_code, province, prefecture, expires_at
FROM decisions WHERE kind = 'Claim' AND verdict = 'ACCEPTED';

CREATE INDEX claims_open ON claims (number) WHERE closed_seq IS NULL;
ANALYZE claims;
UPDATE claims c SET closed_seq = e.seq, closed_at = e.received_at, closed_by = e.how
FROM (
    SELECT DISTINCT ON (b.partition, b.claimed_seq) b.partition, b.claimed_seq, e.seq, e.received_at,
        CASE WHEN e.unit_code = b.unit_code THEN e.how ELSE 'TAKEN' END AS how
    FROM (
        SELECT key, unit_code, seq, received_at, 'FILING' AS how, 'CLAIM_CONFLICT' = ANY (flags) AS conflict
        FROM filings WHERE reason IS DISTINCT FROM 'MISROUTED'
        UNION ALL
        SELECT key, unit_code, seq, received_at, upper(kind), false
        FROM decisions WHERE kind IN ('Claim', 'Release', 'Completion') AND verdict = 'ACCEPTED'
    ) e
    JOIN claims b ON b.number = e.key AND b.claimed_seq < e.seq
        AND (b.unit_code = e.unit_code OR (e.conflict AND NOT EXISTS (
            SELECT FROM claims n
            WHERE n.number = b.number AND n.closed_seq IS NULL
              AND n.claimed_seq > b.claimed_seq AND n.claimed_seq < e.seq)))
    ORDER BY b.partition, b.claimed_seq, e.seq
) e
WHERE c.partition = e.partition AND c.claimed_seq = e.claimed_seq;

CREATE INDEX claims_days ON claims USING brin (claimed_at);

CREATE VIEW expired_claims WITH (security_invoker = true) AS
    SELECT partition, claimed_seq, claimed_at, expires_at, number, unit_code, prefecture, province
    FROM claims WHERE closed_seq IS NULL AND expires_at <= now();
COMMENT ON VIEW expired_claims IS 'Claims that expired, and after which their unit neither released, completed nor filed.';

ALTER TABLE claims ENABLE ROW LEVEL SECURITY;
CREATE POLICY country ON claims FOR SELECT TO natalog_reader USING (true);
CREATE POLICY province ON claims FOR SELECT TO natalog_province
    USING (province = ANY ((SELECT provinces_seen())::text[]));
GRANT SELECT ON claims, expired_claims TO natalog_reader, natalog_province;
