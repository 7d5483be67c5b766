-- Who does what only one process at a time needs to do. A lease saves work; nothing rests on it being held by one alone.

SET LOCAL search_path = lawless, pg_catalog;

CREATE TABLE leases (
    name       text   COLLATE "C" PRIMARY KEY,
    holder     uuid   NOT NULL,
    expires_at timestamptz NOT NULL,
    -- How far the work had come when its holder last said so.
    position   bigint NOT NULL DEFAULT 0
);
