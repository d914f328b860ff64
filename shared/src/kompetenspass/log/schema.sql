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
-- `digests` are the SHA-256 of `datas`: to make them here costs several times as much.
-- Answers one row per request: `stored` or `already_stored` at a position, `conflict` with the version that stands there,
-- `id_reused` with the id. Ids are looked at first, then the version; a known id's bytes are held against the stored ones,
-- or against their digest where they are no longer in this log. Requests for one stream are taken one after the other, so
-- that of two rivals the first wins.
--
-- There are two ways to the same rows and answers. Requests of which each is the first for its stream, with new ids, do
-- not bear on each other: only a version can stand against one, and they are judged and stored as a set. All others are
-- taken one by one after it: rivals in one batch, a batch in which an id is known, one too small to be worth a set.
-- The settings keep every probe on an index, however large the log and whatever its statistics say.
CREATE OR REPLACE FUNCTION append(
    requests integer[], streams text[], expected bigint[], ids uuid[], types text[], datas text[], digests bytea[]
) RETURNS TABLE (request integer, outcome text, at_position bigint, at_version bigint, reused uuid)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {owner}_log, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET max_parallel_workers_per_gather = 0
AS $append$
#variable_conflict use_column
DECLARE
    worth_a_set CONSTANT integer := 8;
    total CONSTANT integer := cardinality(ids);
    head bigint;
    moment timestamptz;
    -- the set: one element per event, with a position where it is to be stored
    known bigint;
    positions bigint[];
    versions bigint[];
    standings bigint[];
    lasts boolean[];
    stored bigint;
    -- one by one: the requests, and of each the events from `first_n` to `last_n`
    apart integer[] := requests;
    later integer[] := '{}';
    taken integer := 0;
    first_n integer;
    last_n integer;
    standing bigint;
    known_at bigint;
    the_same boolean;
    repeated boolean;
BEGIN
    SELECT h.base INTO STRICT head FROM log_head h WHERE h.one FOR UPDATE;
    head := greatest(head, (SELECT l.position FROM log l ORDER BY l.position DESC LIMIT 1));
    moment := clock_timestamp();

    IF total >= worth_a_set THEN
        IF requests[total] > (SELECT count(*) FROM (SELECT DISTINCT unnest(streams)) s) THEN
            later := ARRAY(
                SELECT DISTINCT r.request FROM (
                    SELECT u.request, min(u.request) OVER (PARTITION BY u.stream) AS first
                    FROM unnest(requests, streams) AS u (request, stream)
                ) r WHERE r.request > r.first ORDER BY r.request
            );
        END IF;

        SELECT count(p.known_at), array_agg(p.position ORDER BY p.n), array_agg(p.version ORDER BY p.n),
               array_agg(p.standing ORDER BY p.n), array_agg(p.is_last ORDER BY p.n)
        INTO known, positions, versions, standings, lasts
        FROM (
            SELECT n, known_at, standing,
                   CASE WHEN fits THEN
                       head + count(*) FILTER (WHERE fits) OVER (ORDER BY request, n ROWS UNBOUNDED PRECEDING)
                   END AS position,
                   expected + row_number() OVER (PARTITION BY request ORDER BY n) AS version,
                   lead(request, 1, 0) OVER (ORDER BY request, n) <> request AS is_last
            FROM (
                SELECT u.n, u.request, u.expected, k.position AS known_at, coalesce(s.version, 0) AS standing,
                       coalesce(s.version, 0) = u.expected AND u.request <> ALL (later) AS fits
                FROM unnest(requests, streams, expected, ids) WITH ORDINALITY AS u (request, stream, expected, id, n)
                LEFT JOIN log_id k ON k.id = u.id
                LEFT JOIN log_stream s ON s.stream = u.stream
            ) probed
        ) p;
    END IF;

    IF known = 0 THEN
        INSERT INTO log (position, stream, version, id, type, recorded, data)
        SELECT u.position, u.stream, u.version, u.id, u.type, moment, u.data
        FROM unnest(positions, streams, versions, ids, types, datas) AS u (position, stream, version, id, type, data)
        WHERE u.position IS NOT NULL;
        GET DIAGNOSTICS stored = ROW_COUNT;
        head := head + stored;

        INSERT INTO log_id (id, position, sha256)
        SELECT u.id, u.position, u.digest
        FROM unnest(ids, positions, digests) AS u (id, position, digest) WHERE u.position IS NOT NULL;

        INSERT INTO log_stream (stream, version)
        SELECT u.stream, u.version
        FROM unnest(positions, streams, expected, versions, lasts) AS u (position, stream, expected, version, is_last)
        WHERE u.position IS NOT NULL AND u.is_last AND u.expected = 0;
        UPDATE log_stream s SET version = u.version
        FROM unnest(positions, streams, expected, versions, lasts) AS u (position, stream, expected, version, is_last)
        WHERE u.position IS NOT NULL AND u.is_last AND u.expected > 0 AND s.stream = u.stream;

        RETURN QUERY
        SELECT u.request, CASE WHEN u.position IS NULL THEN 'conflict' ELSE 'stored' END, u.position,
               CASE WHEN u.position IS NULL THEN u.standing ELSE u.version END, NULL::uuid
        FROM unnest(requests, positions, versions, standings, lasts)
             AS u (request, position, version, standing, is_last)
        WHERE u.is_last AND u.request <> ALL (later);
        apart := later;
    END IF;

    FOREACH request IN ARRAY apart LOOP
        CONTINUE WHEN request = taken;
        taken := request;
        first_n := array_position(requests, request);
        last_n := first_n;
        WHILE requests[last_n + 1] = request LOOP last_n := last_n + 1; END LOOP;

        repeated := true;
        at_position := NULL;
        reused := NULL;
        FOR n IN first_n .. last_n LOOP
            SELECT k.position, coalesce(l.data = datas[n], k.sha256 = digests[n])
            INTO known_at, the_same
            FROM log_id k LEFT JOIN log l ON l.position = k.position WHERE k.id = ids[n];
            IF FOUND THEN
                repeated := repeated AND the_same;
                at_position := greatest(at_position, known_at);
                reused := coalesce(reused, ids[n]);
            ELSE
                repeated := false;
            END IF;
        END LOOP;
        standing := coalesce((SELECT s.version FROM log_stream s WHERE s.stream = streams[first_n]), 0);
        at_version := NULL;

        IF repeated THEN
            outcome := 'already_stored';
            reused := NULL;
        ELSIF reused IS NOT NULL THEN
            outcome := 'id_reused';
            at_position := NULL;
        ELSIF standing <> expected[first_n] THEN
            outcome := 'conflict';
            at_version := standing;
        ELSE
            FOR n IN first_n .. last_n LOOP
                head := head + 1;
                standing := standing + 1;
                INSERT INTO log (position, stream, version, id, type, recorded, data)
                VALUES (head, streams[n], standing, ids[n], types[n], moment, datas[n]);
                INSERT INTO log_id (id, position, sha256)
                VALUES (ids[n], head, digests[n]);
            END LOOP;
            IF expected[first_n] = 0 THEN
                INSERT INTO log_stream (stream, version) VALUES (streams[first_n], standing);
            ELSE
                UPDATE log_stream s SET version = standing WHERE s.stream = streams[first_n];
            END IF;
            outcome := 'stored';
            at_position := head;
            at_version := standing;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$append$;

REVOKE ALL ON FUNCTION append(integer[], text[], bigint[], uuid[], text[], text[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append(integer[], text[], bigint[], uuid[], text[], text[], bytea[]) TO {owner};
GRANT SELECT ON log, log_head, log_id, log_stream TO {owner}, log_reader;  -- the latter two for an audit
