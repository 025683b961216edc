-- +goose Up

-- Columns that hold what came from outside are blobs: any bytes are kept. Text
-- columns hold words of ours, or display copies (build, place, search) that
-- exist to be searched. Times are microseconds since 1970, 0 where there is
-- none; published_at alone comes from outside.

-- Numbers that are never given twice, also when the newest rows are deleted.
CREATE TABLE sequence (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The cursor 0 asks for the beginning, so that of a new store is 1.
INSERT INTO sequence (name, value) VALUES ('entry', 0), ('group', 0), ('change', 1);

-- What is known of a message, held or not.
CREATE TABLE message (
    identity     BLOB PRIMARY KEY,
    subscription TEXT NOT NULL,
    message_id   BLOB NOT NULL,
    failures     INTEGER NOT NULL DEFAULT 0,
    crashes      INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 0, -- how many there were; the newest are kept
    held         INTEGER NOT NULL DEFAULT 0,
    changed      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX message_changed ON message (changed);
CREATE INDEX message_name ON message (subscription, message_id);

CREATE TABLE attempt (
    identity BLOB NOT NULL REFERENCES message (identity) ON DELETE CASCADE,
    n        INTEGER NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (identity, n)
) STRICT, WITHOUT ROWID;

-- The counts are maintained, never counted.
CREATE TABLE entry_group (
    seq          INTEGER PRIMARY KEY,
    ref          TEXT NOT NULL UNIQUE,
    fingerprint  TEXT NOT NULL UNIQUE,
    subscription TEXT NOT NULL,
    title        BLOB NOT NULL,
    place        BLOB NOT NULL,
    reason       TEXT NOT NULL,
    basis        BLOB NOT NULL,
    builds       BLOB NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    held         INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    replaying    INTEGER NOT NULL DEFAULT 0 CHECK (replaying >= 0),
    replayed     INTEGER NOT NULL DEFAULT 0 CHECK (replayed >= 0),
    discarded    INTEGER NOT NULL DEFAULT 0 CHECK (discarded >= 0)
) STRICT;

CREATE TABLE entry (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    ref              TEXT NOT NULL UNIQUE,
    identity         BLOB NOT NULL UNIQUE REFERENCES message (identity),
    group_seq        INTEGER NOT NULL REFERENCES entry_group (seq),
    subscription     TEXT NOT NULL,
    message_id       BLOB NOT NULL,
    ordering_key     BLOB NOT NULL,
    attributes       BLOB NOT NULL,
    published_at     INTEGER NOT NULL,
    delivery_attempt INTEGER NOT NULL,
    size             INTEGER NOT NULL,
    sha256           BLOB NOT NULL,
    degraded         INTEGER NOT NULL,
    reason           TEXT NOT NULL,
    confidence       TEXT NOT NULL,
    evidence         BLOB NOT NULL,
    build            TEXT NOT NULL,
    place            TEXT NOT NULL,
    search           TEXT NOT NULL,
    failures         INTEGER NOT NULL,
    crashes          INTEGER NOT NULL,
    held_at          INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('held', 'replaying', 'replayed', 'discarded')),
    version          INTEGER NOT NULL,
    decided_by       BLOB NOT NULL DEFAULT x'',
    decided_via      TEXT NOT NULL DEFAULT '',
    decided_claimed  INTEGER NOT NULL DEFAULT 0,
    decided_at       INTEGER NOT NULL DEFAULT 0,
    decided_reason   BLOB NOT NULL DEFAULT x'',
    replays          INTEGER NOT NULL DEFAULT 0,
    claim            TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX entry_state ON entry (state, seq);
CREATE INDEX entry_subscription ON entry (subscription, seq);
CREATE INDEX entry_group_state ON entry (group_seq, state, seq);
CREATE INDEX entry_message ON entry (message_id);
CREATE INDEX entry_held_at ON entry (held_at);
CREATE INDEX entry_held ON entry (subscription, seq) WHERE state = 'held';
CREATE INDEX entry_replaying ON entry (subscription, claim, seq) WHERE state = 'replaying';
CREATE INDEX entry_claim ON entry (claim) WHERE claim <> '';

-- A table of its own, so that listing entries never touches payloads.
CREATE TABLE payload (
    entry_seq INTEGER PRIMARY KEY REFERENCES entry (seq) ON DELETE CASCADE,
    data      BLOB NOT NULL
) STRICT;

CREATE TABLE audit (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_id   TEXT NOT NULL,
    ref        TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    version    INTEGER NOT NULL,
    actor      BLOB NOT NULL,
    via        TEXT NOT NULL,
    claimed    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    reason     BLOB NOT NULL
) STRICT;
CREATE INDEX audit_entry ON audit (entry_id, n);

CREATE TABLE worker (
    incarnation   TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    host          TEXT NOT NULL,
    build         TEXT NOT NULL,
    pid           INTEGER NOT NULL,
    subscriptions BLOB NOT NULL,
    started_at    INTEGER NOT NULL,
    heard_at      INTEGER NOT NULL,
    ended         TEXT NOT NULL DEFAULT '' CHECK (ended IN ('', 'left', 'dead'))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE worker;
DROP TABLE audit;
DROP TABLE payload;
DROP TABLE entry;
DROP TABLE entry_group;
DROP TABLE attempt;
DROP TABLE message;
DROP TABLE sequence;
