-- One owner's log. {owner} is the service; run by an administrator, any number of times.

CREATE SCHEMA IF NOT EXISTS {owner}_log AUTHORIZATION {owner}_log_owner;
REVOKE ALL ON SCHEMA {owner}_log FROM PUBLIC;
GRANT USAGE ON SCHEMA {owner}_log TO {owner}, log_reader;

SET LOCAL ROLE {owner}_log_owner;
SET LOCAL search_path = {owner}_log, pg_temp;

-- `data` is the whole canonical envelope; position is commit order, dense, from 1.
CREATE TABLE IF NOT EXISTS log (
    position bigint PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    recorded timestamptz NOT NULL,
    data text NOT NULL,
    UNIQUE (stream, version)
);

-- Beside the log and never partitioned, so that the log can be cut by position.
CREATE TABLE IF NOT EXISTS log_stream (stream text PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE IF NOT EXISTS log_id (id uuid PRIMARY KEY, position bigint NOT NULL, sha256 bytea NOT NULL);

-- Locked by every append and never updated by one: an updated head bloats under a long snapshot.
CREATE TABLE IF NOT EXISTS log_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    base bigint NOT NULL DEFAULT 0,
    epoch uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO log_head DEFAULT VALUES ON CONFLICT DO NOTHING;

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$refuse$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_id
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER never_forgets BEFORE DELETE OR TRUNCATE ON log_stream
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER one_row BEFORE DELETE OR TRUNCATE ON log_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Appends a batch of requests. One array element per event, in the order of the requests; `requests` numbers them from 1
-- without holes, `streams` and `expected` repeat the request's stream and expected version for each of its events.
-- Answers one row per request: `stored` or `already_stored` at a position, `conflict` with the version that stands there,
-- `id_reused` with the id. Ids are looked at first, then the version. Requests for one stream are taken one after the
-- other, so that of two rivals the first wins; `turns` says which turn each event has.
-- The settings keep every probe on an index, however large the log and whatever its statistics say.
CREATE OR REPLACE FUNCTION append(
    requests integer[], streams text[], expected bigint[], ids uuid[], types text[], datas text[]
) RETURNS TABLE (request integer, outcome text, at_position bigint, at_version bigint, reused uuid)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {owner}_log, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET max_parallel_workers_per_gather = 0
AS $append$
#variable_conflict use_column
DECLARE
    head bigint;
    moment timestamptz;
    turns bigint[];
    last_turn bigint;
BEGIN
    SELECT h.base INTO STRICT head FROM log_head h WHERE h.one FOR UPDATE;
    head := greatest(head, (SELECT l.position FROM log l ORDER BY l.position DESC LIMIT 1));
    moment := clock_timestamp();

    SELECT array_agg(t.turn ORDER BY t.n), max(t.turn) INTO turns, last_turn FROM (
        SELECT u.n, dense_rank() OVER (PARTITION BY u.stream ORDER BY u.request) AS turn
        FROM unnest(requests, streams) WITH ORDINALITY AS u (request, stream, n)
    ) t;

    FOR this_turn IN 1 .. last_turn LOOP
        RETURN QUERY
        WITH probed AS MATERIALIZED (
            SELECT u.*, sha256(convert_to(u.data, 'UTF8')) AS digest, k.position AS known_at, k.sha256 AS known_digest,
                   coalesce(s.version, 0) AS standing
            FROM unnest(turns, requests, streams, expected, ids, types, datas)
                 WITH ORDINALITY AS u (turn, request, stream, expected, id, type, data, n)
            LEFT JOIN log_id k ON k.id = u.id
            LEFT JOIN log_stream s ON s.stream = u.stream
            WHERE u.turn = this_turn
        ), judged AS MATERIALIZED (
            SELECT p.*, CASE
                WHEN bool_and(coalesce(known_digest = digest, false)) OVER whole THEN 'already_stored'
                WHEN count(known_at) OVER whole > 0 THEN 'id_reused'
                WHEN standing <> expected THEN 'conflict'
                ELSE 'stored' END AS verdict,
                max(known_at) OVER whole AS found_at,
                first_value(id) OVER (PARTITION BY request ORDER BY known_at IS NULL, n) AS known_id
            FROM probed p WINDOW whole AS (PARTITION BY request)
        ), placed AS MATERIALIZED (
            SELECT j.*, head + count(*) FILTER (WHERE verdict = 'stored') OVER (ORDER BY n) AS position,
                   expected + row_number() OVER (PARTITION BY request ORDER BY n) AS version,
                   row_number() OVER (PARTITION BY request ORDER BY n DESC) = 1 AS is_last
            FROM judged j
        ), put_log AS (
            INSERT INTO log (position, stream, version, id, type, recorded, data)
            SELECT position, stream, version, id, type, moment, data FROM placed WHERE verdict = 'stored'
        ), put_id AS (
            INSERT INTO log_id (id, position, sha256) SELECT id, position, digest FROM placed WHERE verdict = 'stored'
        ), put_stream AS (
            INSERT INTO log_stream (stream, version)
            SELECT stream, version FROM placed WHERE verdict = 'stored' AND is_last
            ON CONFLICT (stream) DO UPDATE SET version = excluded.version
        )
        SELECT request, verdict,
               CASE verdict WHEN 'stored' THEN position WHEN 'already_stored' THEN found_at END,
               CASE verdict WHEN 'stored' THEN version WHEN 'conflict' THEN standing END,
               CASE verdict WHEN 'id_reused' THEN known_id END
        FROM placed WHERE is_last ORDER BY n;
        head := greatest(head, (SELECT l.position FROM log l ORDER BY l.position DESC LIMIT 1));
    END LOOP;
END
$append$;

REVOKE ALL ON FUNCTION append(integer[], text[], bigint[], uuid[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append(integer[], text[], bigint[], uuid[], text[], text[]) TO {owner};
GRANT SELECT ON log, log_head TO {owner}, log_reader;
