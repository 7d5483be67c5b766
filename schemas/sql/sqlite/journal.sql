-- A journal in one SQLite file. Rows of `events` are never updated or deleted.
--
-- The file's header says what it is before it is opened: `application_id` is "LWJ" and the number of the format,
-- `user_version` the fingerprint of the event schemas it was made under. Numbers are signed 64 bit, times are
-- microseconds since the Unix epoch, ids are the 16 bytes of a UUID.

-- One row. `head` is the newest position; the writer counts it up in the transaction that takes the positions.
CREATE TABLE journal (
    only_row           INTEGER PRIMARY KEY CHECK (only_row = 1),
    journal_id         BLOB    NOT NULL CHECK (length(journal_id) = 16),
    format             INTEGER NOT NULL,
    schema_fingerprint INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    head               INTEGER NOT NULL,
    recorded_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    position       INTEGER PRIMARY KEY,
    stream_kind    TEXT    NOT NULL,
    stream_id      BLOB    NOT NULL,
    version        INTEGER NOT NULL,
    event_id       BLOB    NOT NULL,
    event_type     TEXT    NOT NULL,
    schema_version INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    occurred_at    INTEGER NOT NULL,
    actor_kind     TEXT    NOT NULL,
    actor_id       TEXT    NOT NULL,
    causation      BLOB,
    correlation    BLOB    NOT NULL,
    command_id     BLOB    NOT NULL,
    crc32c         INTEGER NOT NULL,
    payload        BLOB    NOT NULL
) STRICT;

-- Also the heads of the streams: the version of a stream is that of its last entry here.
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, stream_kind, version);

-- The first position is the row's key, so that the oldest keys are together at the front when they are cleaned away.
CREATE TABLE idempotency_keys (
    first_position INTEGER PRIMARY KEY,
    last_position  INTEGER NOT NULL,
    actor          TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    payload_hash   BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX idempotency_keys_by_key ON idempotency_keys (actor, key);

CREATE TABLE claims (
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL,
    stream_kind TEXT NOT NULL,
    stream_id   BLOB NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    stream_kind TEXT    NOT NULL,
    stream_id   BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    format      INTEGER NOT NULL,
    state       BLOB    NOT NULL,
    PRIMARY KEY (stream_kind, stream_id)
) STRICT;
