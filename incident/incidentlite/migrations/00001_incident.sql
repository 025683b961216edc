-- +goose Up

-- Times are microseconds since 1970, 0 where there is none. Documents, events and bodies are blobs and
-- are read by nobody but the program; beside them stand the fields that are searched and sorted by.

CREATE TABLE incident (
    number       INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    id           TEXT NOT NULL UNIQUE,
    version      INTEGER NOT NULL,
    seq          INTEGER NOT NULL, -- of its latest event
    status       TEXT NOT NULL CHECK (status IN ('triage', 'investigating', 'fixing', 'monitoring', 'paused', 'documenting', 'reviewing', 'closed', 'declined', 'merged', 'canceled')),
    severity     TEXT NOT NULL,
    type         TEXT NOT NULL,
    mode         TEXT NOT NULL,
    visibility   TEXT NOT NULL,
    merged_into  TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL, -- by our own clock, 0 while it is open
    page_due_at  INTEGER NOT NULL,
    nudge_due_at INTEGER NOT NULL,
    has_channel  INTEGER NOT NULL,
    search       TEXT NOT NULL,
    brief        BLOB NOT NULL, -- what a listing shows
    doc          BLOB NOT NULL  -- without number, version and seq
) STRICT;
CREATE INDEX incident_status ON incident (status, number);
CREATE INDEX incident_open ON incident (id) WHERE ended_at = 0;
CREATE INDEX incident_ended ON incident (ended_at) WHERE ended_at <> 0;
CREATE INDEX incident_page_due ON incident (page_due_at, number) WHERE page_due_at <> 0;
CREATE INDEX incident_nudge_due ON incident (nudge_due_at, number) WHERE nudge_due_at <> 0;

-- Who takes part or holds a role.
CREATE TABLE incident_person (
    number INTEGER NOT NULL REFERENCES incident (number),
    person TEXT NOT NULL,
    PRIMARY KEY (number, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_person_of ON incident_person (person, number);

CREATE TABLE incident_field (
    number INTEGER NOT NULL REFERENCES incident (number),
    field  TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (number, field, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_field_of ON incident_field (field, value, number);

-- Keys that are held now.
CREATE TABLE incident_key (
    key    TEXT PRIMARY KEY,
    number INTEGER NOT NULL REFERENCES incident (number)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_key_of ON incident_key (number);

-- An event or an inbound row is to be published since pending_since, by whoever leased it until
-- lease_until. again says that it was asked for once more while it was leased.
CREATE TABLE incident_event (
    n             INTEGER PRIMARY KEY, -- in the order of storing; none is ever deleted
    id            TEXT NOT NULL UNIQUE,
    incident_id   TEXT NOT NULL REFERENCES incident (id),
    seq           INTEGER NOT NULL,
    type          TEXT NOT NULL,
    actor         TEXT NOT NULL,
    key           TEXT NOT NULL,
    recorded_at   INTEGER NOT NULL,
    stored_at     INTEGER NOT NULL,
    pending_since INTEGER NOT NULL,
    lease_until   INTEGER NOT NULL DEFAULT 0,
    again         INTEGER NOT NULL DEFAULT 0,
    body          BLOB NOT NULL,
    UNIQUE (incident_id, seq)
) STRICT;
CREATE UNIQUE INDEX incident_event_key ON incident_event (incident_id, key) WHERE key <> '';
CREATE INDEX incident_event_pending ON incident_event (stored_at, n) WHERE pending_since <> 0;
CREATE INDEX incident_event_type ON incident_event (type, id);
CREATE INDEX incident_event_actor ON incident_event (actor, id);

CREATE TABLE effect (
    n           INTEGER PRIMARY KEY,
    key         TEXT NOT NULL UNIQUE,
    incident_id TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('claimed', 'waiting', 'done', 'failed')),
    attempt     INTEGER NOT NULL,
    in_doubt    INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    result      TEXT NOT NULL,
    claimed_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    not_before  INTEGER NOT NULL
) STRICT;
CREATE INDEX effect_incident ON effect (incident_id, n);

CREATE TABLE inbound (
    n             INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    topic         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    attributes    BLOB NOT NULL,
    not_before    INTEGER NOT NULL,
    stored_at     INTEGER NOT NULL,
    handled_at    INTEGER NOT NULL DEFAULT 0,
    result        TEXT NOT NULL DEFAULT '',
    pending_since INTEGER NOT NULL,
    lease_until   INTEGER NOT NULL DEFAULT 0,
    chore         INTEGER NOT NULL, -- 1 if it gives way to what people wait for
    body          BLOB NOT NULL
) STRICT;
CREATE INDEX inbound_pending ON inbound (chore, stored_at, n) WHERE pending_since <> 0;
CREATE INDEX inbound_unhandled ON inbound (topic, stored_at) WHERE handled_at = 0;
CREATE INDEX inbound_stored ON inbound (stored_at);

CREATE TABLE settings (
    version  INTEGER PRIMARY KEY,
    saved_by BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    doc      BLOB NOT NULL
) STRICT;

CREATE TABLE person (
    id       TEXT PRIMARY KEY,
    slack_id TEXT NOT NULL,
    email    TEXT NOT NULL, -- folded
    doc      BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX person_slack ON person (slack_id) WHERE slack_id <> '';
CREATE UNIQUE INDEX person_email ON person (email) WHERE email <> '';

-- The SHA-256 of a token, never its text.
CREATE TABLE token (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE token;
DROP TABLE person;
DROP TABLE settings;
DROP TABLE inbound;
DROP TABLE effect;
DROP TABLE incident_event;
DROP TABLE incident_key;
DROP TABLE incident_field;
DROP TABLE incident_person;
DROP TABLE incident;
