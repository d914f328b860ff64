-- One owner's log. {owner} is the service; run by an administrator, any number of times.

CREATE SCHEMA IF NOT EXISTS {owner}_log AUTHORIZATION {owner}_log_owner;
REVOKE ALL ON SCHEMA {owner}_log FROM PUBLIC;
GRANT USAGE ON SCHEMA {owner}_log TO {owner}, log_reader;

SET LOCAL ROLE {owner}_log_owner;
SET LOCAL search_path = {owner}_log, pg_temp;

-- Locked by every append, and updated only when a partition comes or goes: an updated head bloats under a long snapshot.
-- `base`: the last position of the older partitions that were detached. `room`: the last that there is a partition for.
-- `tail`: what the log had reached when that was made: nobody looks for its end in older partitions.
-- `partition_events`: how many positions the next partition is made for.
CREATE TABLE IF NOT EXISTS log_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    base bigint NOT NULL DEFAULT 0,
    epoch uuid NOT NULL DEFAULT gen_random_uuid()
);
ALTER TABLE log_head
    ADD COLUMN IF NOT EXISTS room bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS tail bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS partition_events bigint NOT NULL DEFAULT 1000000 CHECK (partition_events > 0);
INSERT INTO log_head DEFAULT VALUES ON CONFLICT DO NOTHING;
UPDATE log_head SET partition_events = {partition_events} WHERE partition_events <> {partition_events};

-- A log that was made as one table becomes the first partition of one that is cut by position.
DO $convert$
BEGIN
    IF (SELECT c.relkind FROM pg_class c WHERE c.oid = to_regclass('log')) = 'r' THEN
        REVOKE ALL ON log FROM {owner}, log_reader;
        ALTER TABLE log RENAME TO log_p1;
        ALTER TABLE log_p1 RENAME CONSTRAINT log_pkey TO log_p1_pkey;
        ALTER TABLE log_p1 RENAME CONSTRAINT log_stream_version_key TO log_p1_stream_version_key;
        EXECUTE format('ALTER TABLE log_stream ADD COLUMN last bigint NOT NULL DEFAULT %s',
                       (SELECT coalesce(max(position), 0) FROM log_p1));
        ALTER TABLE log_stream ALTER last SET DEFAULT 9223372036854775807;
    END IF;
END
$convert$;

-- `data` is the whole canonical envelope; position is commit order, dense, from 1. Each partition has its own unique index
-- of (stream, version); that no two partitions have the same is kept by `log_stream`, under the lock of the head.
CREATE TABLE IF NOT EXISTS log (
    position bigint PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    recorded timestamptz NOT NULL,
    data text NOT NULL
) PARTITION BY RANGE (position);

-- Beside the log and never partitioned, so that the log can be cut by position.
-- All events of a stream stand from `first` to `last`: nobody looks for them in other partitions.
CREATE TABLE IF NOT EXISTS log_stream (stream text PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 80);
ALTER TABLE log_stream
    ADD COLUMN IF NOT EXISTS first bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS last bigint NOT NULL DEFAULT 9223372036854775807;
CREATE TABLE IF NOT EXISTS log_id (id uuid PRIMARY KEY, position bigint NOT NULL, sha256 bytea NOT NULL);

-- What a stream had folded to at a version, written by the service: it saves reading what came before, and no more. Where
-- the code that folds is another by now, `state_type` is another, and it is passed over.
CREATE TABLE IF NOT EXISTS log_snapshot (
    stream text PRIMARY KEY,
    state_type text NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    state text NOT NULL
);

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

-- Makes the table with the positions from `first_one` to `last_one` a partition; it is `log_p<first_one>`, new or there.
-- Locks the log in SHARE UPDATE EXCLUSIVE mode, which stands in the way of no reader and no append.
CREATE OR REPLACE FUNCTION add_partition(first_one bigint, last_one bigint) RETURNS void LANGUAGE plpgsql
SET search_path = {owner}_log, pg_temp SET client_min_messages = warning
AS $add$
DECLARE
    name CONSTANT text := 'log_p' || first_one;
    lower CONSTANT text := CASE first_one WHEN 1 THEN 'MINVALUE' ELSE first_one::text END;
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE log, PRIMARY KEY (position), UNIQUE (stream, version))', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('ALTER TABLE log ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, lower, last_one + 1);
END
$add$;

-- Makes partitions up to the position `needed`, and returns up to where there is room now; the first one takes all that
-- a log has reached that was one table. Whoever calls it has locked the head. Raises 55P03 at once where a session holds the
-- log in a mode that forbids it.
CREATE OR REPLACE FUNCTION make_room(needed bigint, reached bigint) RETURNS bigint LANGUAGE plpgsql
SET search_path = {owner}_log, pg_temp
AS $room$
DECLARE
    size bigint;
    made bigint;
    upto bigint;
BEGIN
    SELECT h.partition_events, h.room INTO STRICT size, made FROM log_head h;
    LOCK TABLE ONLY log IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
    WHILE made < needed LOOP
        upto := (CASE made WHEN 0 THEN greatest(reached - 1, 0) ELSE made END / size + 1) * size;
        PERFORM add_partition(made + 1, upto);
        made := upto;
    END LOOP;
    UPDATE log_head h SET room = made, tail = reached;
    RETURN made;
END
$room$;

DO $first$
DECLARE
    reached bigint := 0;
BEGIN
    IF (SELECT h.room FROM log_head h) = 0 THEN
        IF to_regclass('log_p1') IS NOT NULL THEN
            EXECUTE 'SELECT coalesce(max(position), 0) FROM log_p1' INTO reached;
        END IF;
        PERFORM make_room(1, reached);
    END IF;
END
$first$;

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
-- The next partition is made in good time: at the latest when half of one is left. Where that cannot be done at once, it is
-- left to the next append, as long as there is room for this one.
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
    tail bigint;
    room bigint;
    spare bigint;
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
    SELECT greatest(h.base, h.tail), h.tail, h.room, h.partition_events / 2 INTO STRICT head, tail, room, spare
    FROM log_head h WHERE h.one FOR UPDATE;
    head := greatest(head, (SELECT l.position FROM log l WHERE l.position >= tail ORDER BY l.position DESC LIMIT 1));
    moment := clock_timestamp();

    IF head + total + spare > room THEN
        BEGIN
            room := make_room(head + total + spare, head);
        EXCEPTION WHEN OTHERS THEN
            IF head + total > room THEN
                RAISE;
            END IF;
            RAISE WARNING 'no partition after position % could be made yet: %', room, SQLERRM;
        END;
    END IF;

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

        INSERT INTO log_stream (stream, version, first, last)
        SELECT u.stream, u.version, u.position - u.version + 1, u.position
        FROM unnest(positions, streams, expected, versions, lasts) AS u (position, stream, expected, version, is_last)
        WHERE u.position IS NOT NULL AND u.is_last AND u.expected = 0;
        UPDATE log_stream s SET version = u.version, last = u.position
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
            SELECT k.position, k.sha256 = digests[n] INTO known_at, the_same FROM log_id k WHERE k.id = ids[n];
            IF FOUND THEN
                the_same := coalesce((SELECT l.data = datas[n] FROM log l WHERE l.position = known_at), the_same);
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
                INSERT INTO log_stream (stream, version, first, last)
                VALUES (streams[first_n], standing, head - standing + 1, head);
            ELSE
                UPDATE log_stream s SET version = standing, last = head WHERE s.stream = streams[first_n];
            END IF;
            outcome := 'stored';
            at_position := head;
            at_version := standing;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$append$;

-- Returns the events of streams after the versions given: the number of the stream in the array, its version, and an event
-- of it. Where the version says that there are events and none is here, there is one row without an event. Of a stream
-- with a snapshot of the kind that was asked for, that comes first: a row without position whose data is the state; and
-- then what came after it. Only those partitions are opened in which such events may stand. In them a stream is looked up
-- by its name: as there is no sort, no other plan has its rows in order. A look by position would pass by all that stands
-- between the oldest of the streams and the newest.
CREATE OR REPLACE FUNCTION read_streams(streams text[], afters bigint[], kinds text[]) RETURNS TABLE (
    number bigint, standing bigint,
    "position" bigint, stream text, version bigint, id uuid, type text, recorded timestamptz, data text
)
LANGUAGE plpgsql STABLE
SET search_path = {owner}_log, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET jit = off SET max_parallel_workers_per_gather = 0
AS $read$
#variable_conflict use_column
DECLARE
    starts bigint[];
    froms bigint[];
    lowest bigint;
    highest bigint;
BEGIN
    SELECT array_agg(coalesce(n.version, asked.after) ORDER BY asked.number),
           array_agg(coalesce(n.position + 1, s.first) ORDER BY asked.number),
           min(coalesce(n.position + 1, s.first)) FILTER (WHERE s.version > coalesce(n.version, asked.after)),
           max(s.last) FILTER (WHERE s.version > coalesce(n.version, asked.after))
    INTO starts, froms, lowest, highest
    FROM unnest(streams, afters, kinds) WITH ORDINALITY AS asked (stream, after, kind, number)
    LEFT JOIN log_stream s ON s.stream = asked.stream
    LEFT JOIN log_snapshot n ON n.stream = asked.stream AND n.state_type = asked.kind
        AND n.version > asked.after AND n.version <= s.version;
    IF starts <> afters THEN
        RETURN QUERY
        SELECT asked.number, s.version, NULL::bigint, n.stream, n.version, NULL::uuid, n.state_type, NULL::timestamptz,
               n.state
        FROM unnest(streams, afters, starts) WITH ORDINALITY AS asked (stream, after, start, number)
        JOIN log_stream s ON s.stream = asked.stream
        JOIN log_snapshot n ON n.stream = asked.stream
        WHERE asked.start > asked.after;
    END IF;
    IF lowest IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT asked.number, s.version, l.position, l.stream, l.version, l.id, l.type, l.recorded, l.data
    FROM unnest(streams, starts, froms) WITH ORDINALITY AS asked (stream, start, low, number)
    JOIN log_stream s ON s.stream = asked.stream AND s.version > asked.start
    LEFT JOIN LATERAL (
        SELECT e.* FROM log e WHERE e.stream = asked.stream AND e.version > asked.start
            AND e.position BETWEEN asked.low AND s.last AND e.position BETWEEN lowest AND highest
        ORDER BY e.version
    ) l ON true
    ORDER BY asked.number, l.version;
END
$read$;

REVOKE ALL ON FUNCTION add_partition(bigint, bigint), make_room(bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION append(integer[], text[], bigint[], uuid[], text[], text[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append(integer[], text[], bigint[], uuid[], text[], text[], bytea[]) TO {owner};
REVOKE ALL ON FUNCTION read_streams(text[], bigint[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_streams(text[], bigint[], text[]) TO {owner}, log_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON log_snapshot TO {owner};
GRANT SELECT ON log, log_head, log_id, log_stream TO {owner}, log_reader;  -- the latter two for an audit
