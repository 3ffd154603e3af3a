-- The policies ask this function, and a body in quotes is read anew under the path of whoever queries: one who may create
-- a function put another substr before PostgreSQL's and saw another province. A body that is no text is bound here,
-- once, and can still be inlined.

CREATE OR REPLACE FUNCTION provinces_seen() RETURNS text[] LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(array_agg(substr(rolname, 18, 2) || '0000'), '{}')
    FROM pg_catalog.pg_roles
    WHERE rolname ~ '^natalog_province_[0-9]{2}$' AND pg_catalog.pg_has_role(current_user, oid, 'MEMBER');
END;
