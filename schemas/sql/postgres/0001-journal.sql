-- A journal in PostgreSQL, in the schema `lawless` of its database. Rows of `events` are never updated or deleted.
--
-- Times are microseconds since the Unix epoch, as everywhere. Names are compared byte by byte.
--
-- Files here are applied in the order of their numbers, once, each in one transaction, and never changed after a release.

CREATE SCHEMA lawless;
SET LOCAL search_path = lawless, pg_catalog;

-- Which files were applied.
CREATE TABLE migrations (
    number     integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row, and the one lock: who holds it alone decides. `head` is the newest position. Most of a page stays free, so that
-- a new version of the row finds room beside the old one.
CREATE TABLE journal (
    only_row           boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    journal_id         uuid    NOT NULL,
    schema_fingerprint bigint  NOT NULL,
    created_at         bigint  NOT NULL,
    head               bigint  NOT NULL,
    recorded_at        bigint  NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE events (
    position       bigint  PRIMARY KEY,
    stream_kind    text    COLLATE "C" NOT NULL,
    stream_id      uuid    NOT NULL,
    version        bigint  NOT NULL,
    event_id       uuid    NOT NULL,
    event_type     text    COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    recorded_at    bigint  NOT NULL,
    occurred_at    bigint  NOT NULL,
    actor_kind     text    COLLATE "C" NOT NULL,
    actor_id       text    COLLATE "C" NOT NULL,
    causation      uuid,
    correlation    uuid    NOT NULL,
    command_id     uuid    NOT NULL,
    crc32c         bigint  NOT NULL,
    payload        bytea   NOT NULL
);
-- Avro is dense already: trying to compress it costs more than it saves.
ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL;

-- Also the heads of the streams: the version of a stream is that of its last entry here.
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, stream_kind, version);

-- The first position is the row's key, so that the oldest keys are together at the front when they are cleaned away.
CREATE TABLE idempotency_keys (
    first_position bigint PRIMARY KEY,
    last_position  bigint NOT NULL,
    actor          text   COLLATE "C" NOT NULL,
    key            text   COLLATE "C" NOT NULL,
    payload_hash   bytea  NOT NULL
);

CREATE UNIQUE INDEX idempotency_keys_by_key ON idempotency_keys (actor, key);

CREATE TABLE claims (
    kind        text COLLATE "C" NOT NULL,
    value       text COLLATE "C" NOT NULL,
    stream_kind text COLLATE "C" NOT NULL,
    stream_id   uuid NOT NULL,
    PRIMARY KEY (kind, value)
);

CREATE TABLE snapshots (
    stream_kind text    COLLATE "C" NOT NULL,
    stream_id   uuid    NOT NULL,
    version     bigint  NOT NULL,
    format      bigint  NOT NULL,
    state       bytea   NOT NULL,
    PRIMARY KEY (stream_kind, stream_id)
);

-- Appends a batch of commands: each whole or not at all, none harming another, all in one transaction.
--
-- It is a procedure and commits itself, before anything is sent back: a client that stops can hold nothing up. The caller
-- sees to it that a stream is written, a key used and a name claimed once in a batch, and that no command reads a stream
-- that an earlier one of the batch writes. Then nothing in a batch depends on what else is in it but the positions.
--
-- The caller also says which journal it means, the highest position that it knows of, and an event that it has seen at a
-- position, if any: a backup that was put back, or a standby that had not got everything, is another journal.
--
-- c_: a row per command. s_: a row per stream that is read. r_: a row per reading, in the order of commands, `r_stream`
-- counting in s_. k_: a row per name claimed. e_: a row per event, in order. Commands and streams count from 1,
-- readings, names and events of a command from 0.
--
-- `status` has a row per command: 0 accepted, 1 its key was accepted before for this payload, 2 for another one, 3 a name
-- is taken, 4 its stream is at another version, 5 a stream that it read is. `first` is where an accepted one's events
-- begin, `version` what its stream is at. `more_` has a row for each command of status 1, 3 or 5: which name or
-- reading it was, whose name it is or which stream was written, and for status 1 its last position, version, command.
CREATE PROCEDURE append_batch(
    expected_journal uuid, seen_head bigint, seen_position bigint, seen_event uuid,
    c_stream_kind text[], c_stream_id uuid[], c_expected bigint[], c_events bigint[],
    c_actor text[], c_key text[], c_hash bytea[],
    s_kind text[], s_id uuid[],
    r_command integer[], r_number integer[], r_stream integer[], r_version bigint[],
    k_command integer[], k_number integer[], k_kind text[], k_value text[],
    e_command integer[], e_number integer[], e_stream_kind text[], e_stream_id uuid[], e_version bigint[],
    e_id uuid[], e_type text[], e_schema_version integer[], e_occurred_at bigint[], e_actor_kind text[], e_actor_id text[],
    e_causation uuid[], e_correlation uuid[], e_command_id uuid[], e_crc32c bigint[], e_payload bytea[],
    OUT status smallint[], OUT first bigint[], OUT version bigint[], OUT new_head bigint,
    OUT more_command integer[], OUT more_number integer[], OUT more_stream_kind text[], OUT more_stream_id uuid[],
    OUT more_first bigint[], OUT more_last bigint[], OUT more_version bigint[], OUT more_command_id uuid[]
)
LANGUAGE plpgsql
AS $procedure$
#variable_conflict use_column
DECLARE
    the_journal uuid;
    old_head    bigint;
    moment      bigint;
    read_at     bigint[];
    found       record;
BEGIN
    -- Statement 1 only locks. What it waited for is seen by the statements after it, each with a snapshot of its own.
    SELECT j.journal_id, j.head, j.recorded_at INTO STRICT the_journal, old_head, moment
    FROM journal j FOR NO KEY UPDATE;
    IF the_journal <> expected_journal THEN
        RAISE EXCEPTION USING ERRCODE = 'LWJ01',
            MESSAGE = format('this is journal %s now, and not %s', the_journal, expected_journal);
    END IF;
    IF old_head < seen_head THEN
        RAISE EXCEPTION USING ERRCODE = 'LWJ02',
            MESSAGE = format('the counter says %s after %s was reached', old_head, seen_head);
    END IF;
    -- A counter that went back may have gone on since.
    IF seen_event IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM events e WHERE e.position = seen_position AND e.event_id = seen_event) THEN
        RAISE EXCEPTION USING ERRCODE = 'LWJ02',
            MESSAGE = format('position %s was event %s, and is not any more', seen_position, seen_event);
    END IF;
    -- The clock behind the lock, and never before the newest event, whatever the clock does.
    moment := greatest(moment, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);

    -- Keys, because a retry carries a stale version, and versions.
    SELECT array_agg((CASE WHEN k.first_position IS NULL
                           THEN CASE WHEN coalesce(h.version, 0) = c.expected THEN 0 ELSE 4 END
                           ELSE CASE WHEN k.payload_hash = c.hash THEN 1 ELSE 2 END
                      END)::smallint ORDER BY c.n),
           array_agg(coalesce(h.version, 0) ORDER BY c.n)
    INTO status, version
    FROM unnest(c_stream_kind, c_stream_id, c_expected, c_actor, c_key, c_hash) WITH ORDINALITY
         AS c (stream_kind, stream_id, expected, actor, key, hash, n)
    LEFT JOIN idempotency_keys k ON k.actor = c.actor AND k.key = c.key
    LEFT JOIN LATERAL (SELECT e.version FROM events e
                       WHERE e.stream_id = c.stream_id AND e.stream_kind = c.stream_kind
                       ORDER BY e.version DESC LIMIT 1) h ON true;

    IF 1 = ANY (status) THEN
        FOR found IN
            SELECT c.n, k.first_position, k.last_position, e.stream_kind, e.stream_id, e.version, e.command_id
            FROM unnest(c_actor, c_key) WITH ORDINALITY AS c (actor, key, n)
            JOIN idempotency_keys k ON k.actor = c.actor AND k.key = c.key
            JOIN events e ON e.position = k.last_position
            WHERE status[c.n] = 1
        LOOP
            more_command := more_command || found.n::integer;
            more_number := more_number || 0;
            more_stream_kind := more_stream_kind || found.stream_kind;
            more_stream_id := more_stream_id || found.stream_id;
            more_first := more_first || found.first_position;
            more_last := more_last || found.last_position;
            more_version := more_version || found.version;
            more_command_id := more_command_id || found.command_id;
        END LOOP;
    END IF;

    -- A name that another stream has. One that the stream itself has is granted.
    IF cardinality(k_command) > 0 THEN
        FOR found IN
            SELECT DISTINCT ON (k.command) k.command, k.number, t.stream_kind, t.stream_id
            FROM unnest(k_command, k_number, k_kind, k_value) AS k (command, number, kind, value)
            JOIN claims t ON t.kind = k.kind AND t.value = k.value
            WHERE status[k.command] IN (0, 4)
              AND (t.stream_id, t.stream_kind) <> (c_stream_id[k.command], c_stream_kind[k.command])
            ORDER BY k.command, k.number
        LOOP
            status[found.command] := 3;
            more_command := more_command || found.command;
            more_number := more_number || found.number;
            more_stream_kind := more_stream_kind || found.stream_kind;
            more_stream_id := more_stream_id || found.stream_id;
            more_first := more_first || NULL::bigint;
            more_last := more_last || NULL::bigint;
            more_version := more_version || NULL::bigint;
            more_command_id := more_command_id || NULL::uuid;
        END LOOP;
    END IF;

    IF cardinality(r_command) > 0 THEN
        SELECT array_agg(coalesce(h.version, 0) ORDER BY s.n) INTO read_at
        FROM unnest(s_kind, s_id) WITH ORDINALITY AS s (kind, id, n)
        LEFT JOIN LATERAL (SELECT e.version FROM events e
                           WHERE e.stream_id = s.id AND e.stream_kind = s.kind
                           ORDER BY e.version DESC LIMIT 1) h ON true;
        FOR found IN
            SELECT DISTINCT ON (r.command) r.command, r.number, r.stream
            FROM unnest(r_command, r_number, r_stream, r_version) AS r (command, number, stream, version)
            WHERE status[r.command] = 0 AND read_at[r.stream] <> r.version
            ORDER BY r.command, r.number
        LOOP
            status[found.command] := 5;
            more_command := more_command || found.command;
            more_number := more_number || found.number;
            more_stream_kind := more_stream_kind || s_kind[found.stream];
            more_stream_id := more_stream_id || s_id[found.stream];
            more_first := more_first || NULL::bigint;
            more_last := more_last || NULL::bigint;
            more_version := more_version || read_at[found.stream];
            more_command_id := more_command_id || NULL::uuid;
        END LOOP;
    END IF;

    SELECT array_agg(CASE WHEN c.status = 0 THEN old_head + 1 + c.before END ORDER BY c.n),
           old_head + coalesce(sum(c.events) FILTER (WHERE c.status = 0), 0)::bigint
    INTO first, new_head
    FROM (SELECT a.n, a.status, a.events,
                 coalesce(sum(CASE WHEN a.status = 0 THEN a.events ELSE 0 END)
                     OVER (ORDER BY a.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS before
          FROM unnest(c_events, status) WITH ORDINALITY AS a (events, status, n)) c;

    IF new_head > old_head THEN
        INSERT INTO events (position, stream_kind, stream_id, version, event_id, event_type, schema_version, recorded_at,
                            occurred_at, actor_kind, actor_id, causation, correlation, command_id, crc32c, payload)
        SELECT first[e.command] + e.number, e.stream_kind, e.stream_id, e.version, e.id, e.type, e.schema_version,
               moment, e.occurred_at, e.actor_kind, e.actor_id, e.causation, e.correlation, e.command_id, e.crc32c,
               e.payload
        FROM unnest(e_command, e_number, e_stream_kind, e_stream_id, e_version, e_id, e_type, e_schema_version,
                    e_occurred_at, e_actor_kind, e_actor_id, e_causation, e_correlation, e_command_id, e_crc32c,
                    e_payload)
             AS e (command, number, stream_kind, stream_id, version, id, type, schema_version, occurred_at, actor_kind,
                   actor_id, causation, correlation, command_id, crc32c, payload)
        WHERE status[e.command] = 0;

        INSERT INTO idempotency_keys (first_position, last_position, actor, key, payload_hash)
        SELECT first[c.n], first[c.n] + c.events - 1, c.actor, c.key, c.hash
        FROM unnest(c_actor, c_key, c_hash, c_events) WITH ORDINALITY AS c (actor, key, hash, events, n)
        WHERE status[c.n] = 0;

        IF cardinality(k_command) > 0 THEN
            -- Nothing races here: who is there already is the stream itself.
            INSERT INTO claims (kind, value, stream_kind, stream_id)
            SELECT k.kind, k.value, c_stream_kind[k.command], c_stream_id[k.command]
            FROM unnest(k_command, k_kind, k_value) AS k (command, kind, value)
            WHERE status[k.command] = 0
            ON CONFLICT (kind, value) DO NOTHING;
        END IF;

        UPDATE journal SET head = new_head, recorded_at = moment;
    END IF;
    COMMIT;
END
$procedure$;
