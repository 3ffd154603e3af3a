-- What others read, and who sees what.
--
-- natalog_reader            the whole country: Grafana, assessment
-- natalog_province_33       Zhejiang alone, and so on; a login gets one by membership
-- No reader sees sealed bytes or tokens, nor who made a check.

CREATE VIEW late_filings WITH (security_invoker = true) AS
    SELECT partition, seq, received_at, registered_at, captured_at, attempted_at, delay_ms, lateness_cause, number,
           registration_id, unit_code, prefecture, province, verdict, reason
    FROM filings WHERE 'FILED_LATE' = ANY (flags);

CREATE VIEW open_obligations WITH (security_invoker = true) AS
    SELECT partition, opened_seq, opened_at, number, registration_id, unit_code, prefecture, province,
           registered_at, due_at, overdue_seq IS NOT NULL AS overdue, overdue_at
    FROM obligations WHERE closed_seq IS NULL;

CREATE VIEW contested_numbers WITH (security_invoker = true) AS
    SELECT f.partition, f.seq, f.received_at, f.number, f.registration_id, f.unit_code, f.prefecture, f.province,
           f.verdict, f.reason
    FROM filings f WHERE 'CONTESTED' = ANY (f.flags);

CREATE VIEW blacklist_now WITH (security_invoker = true) AS
    SELECT number, owner, province, cause, listed_at, effective_at, binds_from, after_use,
           requested_seq IS NOT NULL AS removal_requested
    FROM blacklist WHERE removed_seq IS NULL;

CREATE VIEW filings_by_day WITH (security_invoker = true) AS
    SELECT registered_day AS day, province, prefecture, unit_code,
           count(*) FILTER (WHERE delay_ms IS NOT NULL) AS timed,
           count(*) FILTER (WHERE delay_ms IS NOT NULL AND NOT 'FILED_LATE' = ANY (flags)) AS on_time,
           count(*) FILTER (WHERE 'FILED_LATE' = ANY (flags)) AS late,
           count(*) FILTER (WHERE 'NOT_TIMEABLE' = ANY (flags)) AS untimed,
           count(*) FILTER (WHERE verdict = 'REFUSED') AS refused,
           count(*) FILTER (WHERE backfill) AS backfill
    FROM filings GROUP BY 1, 2, 3, 4;

CREATE FUNCTION provinces_seen() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(substr(rolname, 18, 2) || '0000'), '{}')
    FROM pg_catalog.pg_roles
    WHERE rolname ~ '^natalog_province_[0-9]{2}$' AND pg_catalog.pg_has_role(current_user, oid, 'MEMBER')
$$;
COMMENT ON FUNCTION provinces_seen IS 'Provinces whose role the current user has.';

DO $$
DECLARE
    code text;
    base text;
BEGIN
    -- Roles belong to the whole cluster; another schema (a rebuild) may have made them.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'natalog_reader') THEN
        CREATE ROLE natalog_reader NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'natalog_province') THEN
        CREATE ROLE natalog_province NOLOGIN;
    END IF;
    FOREACH code IN ARRAY string_to_array(
        '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 66', ' ') LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'natalog_province_' || code) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'natalog_province_' || code);
            EXECUTE format('GRANT natalog_province TO %I', 'natalog_province_' || code);
        END IF;
    END LOOP;

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO natalog_reader, natalog_province', current_schema());
    FOREACH base IN ARRAY ARRAY['filings', 'decisions', 'registrations', 'certificates', 'obligations',
                                'blacklist', 'voids', 'checks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', base);
        EXECUTE format('CREATE POLICY country ON %I FOR SELECT TO natalog_reader USING (true)', base);
        EXECUTE format('CREATE POLICY province ON %I FOR SELECT TO natalog_province '
                       'USING (province = ANY ((SELECT provinces_seen())::text[]))', base);
    END LOOP;
    GRANT SELECT ON filings, decisions, certificates, obligations, blacklist, voids, ledger_positions,
        ledger_identity, audit_positions, late_filings, open_obligations, contested_numbers, blacklist_now,
        filings_by_day TO natalog_reader, natalog_province;
    GRANT SELECT (key, registration_id, partition, first_seq, completed_seq, filed_seq, taken_seq, freed_seq,
        content_rank, content_seq, number, unit_code, province, prefecture, division, registered_at, registered_on,
        registered_day, category, household_kind, relation_to_head, follows, placement_basis, basis_ref, birth_date,
        parents_married, paternity_evidence, over_six_visit, over_six_face, over_six_fingerprint, over_six_dna,
        over_six_approval_ref, case_ref, exemption) ON registrations TO natalog_reader, natalog_province;
    GRANT SELECT (check_id, place, asked_at, topic_partition, topic_offset, org, province, prefecture, purpose, number,
        status, as_of) ON checks TO natalog_reader, natalog_province;
END $$;
