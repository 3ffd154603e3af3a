-- Tables of the projection. `partition` is always the ledger's, `seq` an entry's place in it.
-- Facts (filings, decisions, checks) are written once. State tables hold, in every *_seq column, the entry that
-- brought about a change, as a minimum or maximum over all entries: however the ledger is cut into batches, and
-- however often a batch comes again, they end up the same.

CREATE TABLE ledger_identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    cluster_id text NOT NULL,
    topic_id text NOT NULL
);
COMMENT ON TABLE ledger_identity IS 'Which ledger this was folded from.';

CREATE TABLE ledger_positions (
    partition smallint PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    ledger_offset bigint NOT NULL,
    last_offset bigint NOT NULL,
    causes bigint[] NOT NULL,
    void_entries bigint NOT NULL,
    received_at timestamptz,
    live_at bigint NOT NULL,
    silent_from bigint NOT NULL,
    silent_to bigint NOT NULL
);
COMMENT ON TABLE ledger_positions IS 'How far each partition is folded; written in the transaction of what it brought.';
COMMENT ON COLUMN ledger_positions.seq IS 'Entries folded: the seq of the next one.';
COMMENT ON COLUMN ledger_positions.hash IS 'SHA-256 of the last entry folded; 32 zero bytes before the first.';
COMMENT ON COLUMN ledger_positions.ledger_offset IS 'Ledger offset to be read next.';
COMMENT ON COLUMN ledger_positions.last_offset IS 'Ledger offset of the last entry folded, -1 before the first.';
COMMENT ON COLUMN ledger_positions.received_at IS 'Broker time of the last entry''s cause.';
COMMENT ON COLUMN ledger_positions.silent_from IS 'Last stretch without a live record, UTC ms (docs/projection.md, lateness cause).';

CREATE TABLE filings (
    partition smallint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    hash bytea NOT NULL,
    rules integer NOT NULL,
    verdict text NOT NULL,
    reason text,
    flags text[] NOT NULL,
    doubts text[] NOT NULL,
    first_seq bigint,
    delay_ms bigint,
    timed boolean NOT NULL,
    lateness_cause text,
    event_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    number text COLLATE "C",
    wellformed boolean NOT NULL,
    registration_id text COLLATE "C" NOT NULL,
    unit_code text NOT NULL,
    province text,
    prefecture text,
    division text,
    occurred_at timestamptz,
    registered_at timestamptz,
    registered_on date,
    registered_day date NOT NULL,
    captured_at timestamptz,
    attempted_at timestamptz,
    category text NOT NULL,
    exemption text,
    gate text,
    origin text NOT NULL,
    backfill boolean NOT NULL,
    corrects uuid,
    amendment boolean NOT NULL,
    withdrawn_seq bigint,
    PRIMARY KEY (partition, seq, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE filings_other PARTITION OF filings DEFAULT;
CREATE INDEX filings_days ON filings USING brin (received_at, registered_day);
CREATE INDEX filings_contested ON filings (province, received_at) WHERE 'CONTESTED' = ANY (flags);
COMMENT ON TABLE filings IS 'One row per Filing entry of any verdict (备案).';

CREATE TABLE decisions (
    partition smallint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    hash bytea NOT NULL,
    topic text NOT NULL,
    kind text NOT NULL,
    rules integer NOT NULL,
    verdict text NOT NULL,
    reason text,
    flags text[] NOT NULL,
    first_seq bigint,
    event_id uuid,
    key text COLLATE "C" NOT NULL,
    number text COLLATE "C",
    registration_id text COLLATE "C",
    unit_code text,
    province text,
    prefecture text,
    occurred_at timestamptz,
    action text,
    cause text,
    owner text,
    effective_at timestamptz,
    binds_from timestamptz,
    evidence_ref text,
    request_id uuid,
    range_id uuid,
    expires_at timestamptz,
    registered_at timestamptz,
    due_from timestamptz,
    due_at timestamptz,
    observed_at timestamptz,
    exemption text,
    related_number text COLLATE "C",
    ended boolean,
    PRIMARY KEY (partition, seq, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE decisions_other PARTITION OF decisions DEFAULT;
CREATE INDEX decisions_by_key ON decisions (key) WHERE kind IN ('Completion', 'Withdrawal', 'BlacklistChange', 'Invalidation');
CREATE INDEX decisions_days ON decisions USING brin (received_at);
COMMENT ON TABLE decisions IS 'One row per entry that is no Filing: every other kind, repeats and unreadable records.';

CREATE TABLE registrations (
    key text COLLATE "C" NOT NULL,
    registration_id text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    first_seq bigint NOT NULL,
    completed_seq bigint,
    filed_seq bigint,
    taken_seq bigint,
    freed_seq bigint,
    content_rank smallint NOT NULL,
    content_seq bigint NOT NULL,
    number text COLLATE "C",
    unit_code text NOT NULL,
    province text,
    prefecture text,
    division text,
    registered_at timestamptz,
    registered_on date,
    registered_day date NOT NULL,
    category text,
    household_kind text,
    relation_to_head text,
    follows text,
    placement_basis text,
    basis_ref text,
    birth_date date,
    parents_married boolean,
    paternity_evidence text,
    over_six_visit boolean,
    over_six_face boolean,
    over_six_fingerprint boolean,
    over_six_dna boolean,
    over_six_approval_ref text,
    case_ref text,
    exemption text,
    child_token text,
    mother_token text,
    father_token text,
    sealed bytea,
    key_id text,
    PRIMARY KEY (key, registration_id)
) PARTITION BY RANGE (key);
COMMENT ON TABLE registrations IS 'One row per registration on a key: codes, tokens and the sealed bytes of its newest accepted filing.';

CREATE TABLE certificates (
    number text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    province text,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    taken_seq bigint,
    freed_seq bigint,
    contested_seq bigint,
    PRIMARY KEY (number)
) PARTITION BY RANGE (number);
CREATE INDEX certificates_contested ON certificates (province) WHERE contested_seq IS NOT NULL;
COMMENT ON TABLE certificates IS 'One row per well-formed number that an entry is about.';

DO $$
DECLARE letter text; following text; base text;
BEGIN
    FOREACH base IN ARRAY ARRAY['registrations', 'certificates'] LOOP
        FOR i IN 65..90 LOOP
            letter := chr(i);
            following := chr(i + 1);
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           base || '_' || lower(letter), base, letter, following);
        END LOOP;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', base || '_other', base);
    END LOOP;
END $$;
-- A letter is a year of print (A = 2000): these grow year by year. Numbers without a letter, and keys of exempt
-- registrations (r:…), lie in _other.

CREATE TABLE obligations (
    partition smallint NOT NULL,
    opened_seq bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    key text COLLATE "C" NOT NULL,
    registration_id text COLLATE "C" NOT NULL,
    number text COLLATE "C",
    unit_code text NOT NULL,
    province text,
    prefecture text,
    exemption text,
    registered_at timestamptz NOT NULL,
    due_from timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    overdue_seq bigint,
    overdue_at timestamptz,
    closed_seq bigint,
    closed_at timestamptz,
    closed_by text,
    PRIMARY KEY (partition, opened_seq)
);
CREATE INDEX obligations_open ON obligations (key, registration_id) WHERE closed_seq IS NULL;
CREATE INDEX obligations_due ON obligations (due_at);
COMMENT ON TABLE obligations IS 'One row per Completion that opened the 30 minutes; closed by a Filing or a withdrawal.';

CREATE TABLE blacklist (
    partition smallint NOT NULL,
    listed_seq bigint NOT NULL,
    listed_at timestamptz NOT NULL,
    number text COLLATE "C" NOT NULL,
    owner text NOT NULL,
    province text,
    cause text,
    evidence_ref text,
    range_id uuid,
    effective_at timestamptz NOT NULL,
    binds_from timestamptz NOT NULL,
    after_use boolean NOT NULL,
    requested_seq bigint,
    requested_at timestamptz,
    removed_seq bigint,
    removed_at timestamptz,
    PRIMARY KEY (partition, listed_seq)
);
CREATE INDEX blacklist_number ON blacklist (number);
COMMENT ON TABLE blacklist IS 'One row per listing of a number by an owner (黑名单); the history stays.';

CREATE TABLE voids (
    partition smallint NOT NULL,
    voided_seq bigint NOT NULL,
    voided_at timestamptz NOT NULL,
    number text COLLATE "C" NOT NULL,
    issuer text NOT NULL,
    province text,
    cause text,
    evidence_ref text,
    range_id uuid,
    effective_at timestamptz NOT NULL,
    binds_from timestamptz NOT NULL,
    after_use boolean NOT NULL,
    replaced_by text COLLATE "C",
    replaced_seq bigint,
    reinstated_seq bigint,
    reinstated_at timestamptz,
    PRIMARY KEY (partition, voided_seq)
);
CREATE INDEX voids_number ON voids (number);
COMMENT ON TABLE voids IS 'One row per invalidation that took effect (作废); the history stays.';

CREATE TABLE checks (
    check_id uuid NOT NULL,
    place smallint NOT NULL,
    asked_at timestamptz NOT NULL,
    topic_partition smallint NOT NULL,
    topic_offset bigint NOT NULL,
    sub text NOT NULL,
    org text NOT NULL,
    province text,
    prefecture text,
    purpose text NOT NULL,
    officer text,
    number text COLLATE "C" NOT NULL,
    status text NOT NULL,
    as_of text NOT NULL,
    PRIMARY KEY (check_id, place, asked_at)
) PARTITION BY RANGE (asked_at);
CREATE TABLE checks_other PARTITION OF checks DEFAULT;
CREATE INDEX checks_number ON checks (number);
COMMENT ON TABLE checks IS 'One row per number asked about (核验), from queries.audit.';

CREATE TABLE audit_positions (
    partition smallint PRIMARY KEY,
    topic_offset bigint NOT NULL
);
COMMENT ON TABLE audit_positions IS 'Offset of queries.audit to be read next.';
