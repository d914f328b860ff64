"""A log as it was made before it was cut into partitions, for tests of what becomes of it."""

from __future__ import annotations

_ONE_TABLE = """
CREATE SCHEMA {owner}_log AUTHORIZATION {owner}_log_owner;
SET LOCAL ROLE {owner}_log_owner;
SET LOCAL search_path = {owner}_log;
CREATE TABLE log (position bigint PRIMARY KEY, stream text NOT NULL, version bigint NOT NULL, id uuid NOT NULL,
    type text NOT NULL, recorded timestamptz NOT NULL, data text NOT NULL, UNIQUE (stream, version));
CREATE TABLE log_stream (stream text PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE log_id (id uuid PRIMARY KEY, position bigint NOT NULL, sha256 bytea NOT NULL);
CREATE TABLE log_head (one boolean PRIMARY KEY DEFAULT true CHECK (one), base bigint NOT NULL DEFAULT 0,
    epoch uuid NOT NULL DEFAULT gen_random_uuid());
INSERT INTO log_head DEFAULT VALUES;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;
GRANT SELECT ON log, log_head, log_id, log_stream TO {owner}, log_reader;
INSERT INTO log SELECT n, 's-' || n % 7, n / 7, md5(n::text)::uuid, '{owner}.Old.v1', now(), 'data ' || n
FROM generate_series(7, 51) n;
UPDATE log SET position = position - 6;
INSERT INTO log_id SELECT id, position, sha256(data::bytea) FROM log;
INSERT INTO log_stream SELECT stream, max(version) FROM log GROUP BY stream;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def former_log(owner: str) -> str:
    """Return the statements, for one transaction of a superuser, that make such a log with 45 events."""
    return _ONE_TABLE.replace("{owner}", owner)
