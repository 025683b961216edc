-- +goose Up

-- Columns that hold what came from outside are bytea: any bytes are kept. Text
-- columns hold words of ours, or display copies (build, place, search) that
-- exist to be searched. Times are by the server's clock; published_at alone
-- comes from outside and may be far off, so it is a number of microseconds.
-- There are no foreign keys: rows are written by a few statements of one program,
-- in transactions, and each key would cost an insert a look-up and a lock.

-- Given out by hand, and only to rows that are really new: a number spent on a
-- conflict would make references longer for nothing.
CREATE SEQUENCE theriac.entry_seq;
CREATE SEQUENCE theriac.group_seq;

-- What is known of a message, held or not. changed is the transaction that last
-- changed it: a reader that goes on from the oldest transaction still running
-- skips no commit.
CREATE TABLE theriac.message (
    identity     bytea PRIMARY KEY,
    subscription text NOT NULL,
    message_id   bytea NOT NULL,
    failures     bigint NOT NULL DEFAULT 0,
    crashes      bigint NOT NULL DEFAULT 0,
    held         boolean NOT NULL DEFAULT false,
    changed      bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint
);
CREATE INDEX message_changed ON theriac.message (changed);
-- A hash index takes a broker's id of any length.
CREATE INDEX message_name ON theriac.message USING hash (message_id);

CREATE TABLE theriac.attempt (
    identity bytea NOT NULL,
    n        bigint GENERATED ALWAYS AS IDENTITY,
    body     bytea NOT NULL,
    PRIMARY KEY (identity, n)
);

-- The counts are maintained, never counted. No index covers what changes with
-- each entry, and pages keep room, so that the updates stay within a page.
CREATE TABLE theriac.entry_group (
    seq          bigint PRIMARY KEY,
    ref          text COLLATE "C" NOT NULL UNIQUE,
    fingerprint  text COLLATE "C" NOT NULL UNIQUE,
    subscription text NOT NULL,
    title        bytea NOT NULL,
    place        bytea NOT NULL,
    reason       text NOT NULL,
    basis        bytea NOT NULL,
    builds       bytea NOT NULL,
    first_at     timestamptz NOT NULL DEFAULT now(),
    last_at      timestamptz NOT NULL DEFAULT now(),
    held         bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    replaying    bigint NOT NULL DEFAULT 0 CHECK (replaying >= 0),
    replayed     bigint NOT NULL DEFAULT 0 CHECK (replayed >= 0),
    discarded    bigint NOT NULL DEFAULT 0 CHECK (discarded >= 0)
) WITH (fillfactor = 50);

CREATE TABLE theriac.entry (
    seq              bigint PRIMARY KEY,
    id               uuid NOT NULL UNIQUE,
    ref              text COLLATE "C" NOT NULL UNIQUE,
    identity         bytea NOT NULL UNIQUE,
    group_seq        bigint NOT NULL,
    subscription     text NOT NULL,
    message_id       bytea NOT NULL,
    ordering_key     bytea NOT NULL,
    attributes       bytea NOT NULL,
    published_at     bigint NOT NULL,
    delivery_attempt bigint NOT NULL,
    size             bigint NOT NULL,
    sha256           bytea NOT NULL,
    degraded         boolean NOT NULL,
    reason           text NOT NULL,
    confidence       text NOT NULL,
    evidence         bytea NOT NULL,
    build            text NOT NULL,
    place            text NOT NULL,
    search           text NOT NULL,
    failures         bigint NOT NULL,
    crashes          bigint NOT NULL,
    held_at          timestamptz NOT NULL DEFAULT now(),
    changed_at       timestamptz NOT NULL DEFAULT now(),
    state            text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'replaying', 'replayed', 'discarded')),
    version          bigint NOT NULL DEFAULT 1,
    decided_by       bytea NOT NULL DEFAULT '',
    decided_via      text NOT NULL DEFAULT '',
    decided_claimed  boolean NOT NULL DEFAULT false,
    decided_at       timestamptz,
    decided_reason   bytea NOT NULL DEFAULT '',
    replays          bigint NOT NULL DEFAULT 0,
    claim            text NOT NULL DEFAULT ''
);
CREATE INDEX entry_subscription ON theriac.entry (subscription, seq);
CREATE INDEX entry_reason ON theriac.entry (reason, seq);
CREATE INDEX entry_in_group ON theriac.entry (group_seq, seq);
CREATE INDEX entry_message ON theriac.entry USING hash (message_id);
CREATE INDEX entry_held ON theriac.entry (seq) WHERE state = 'held';
CREATE INDEX entry_held_in_group ON theriac.entry (group_seq, seq) WHERE state = 'held';
CREATE INDEX entry_discarded ON theriac.entry (seq) WHERE state = 'discarded';
CREATE INDEX entry_replaying ON theriac.entry (subscription, seq) WHERE state = 'replaying';
CREATE INDEX entry_claim ON theriac.entry (claim) WHERE claim <> '';
-- Entries come in the order of time, which is all that brin needs.
CREATE INDEX entry_held_at ON theriac.entry USING brin (held_at) WITH (autosummarize);

-- A table of its own, so that listing entries never touches payloads.
CREATE TABLE theriac.payload (
    entry_seq bigint PRIMARY KEY,
    data      bytea NOT NULL
);
-- Compressing 10 MB takes longer than writing them.
ALTER TABLE theriac.payload ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE theriac.audit (
    n          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    entry_id   uuid NOT NULL,
    ref        text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    version    bigint NOT NULL,
    actor      bytea NOT NULL,
    via        text NOT NULL,
    claimed    boolean NOT NULL,
    at         timestamptz NOT NULL,
    reason     bytea NOT NULL
);
CREATE INDEX audit_entry ON theriac.audit (entry_id, n);

-- lock_key is the session's advisory lock that proves the worker alive.
CREATE TABLE theriac.worker (
    incarnation   text PRIMARY KEY,
    lock_key      bigint NOT NULL UNIQUE,
    name          text NOT NULL,
    host          text NOT NULL,
    build         text NOT NULL,
    pid           bigint NOT NULL,
    subscriptions text[] NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    heard_at      timestamptz NOT NULL DEFAULT now(),
    ended         text NOT NULL DEFAULT '' CHECK (ended IN ('', 'left', 'dead'))
);

-- The advisory locks that somebody holds in this database. Who looks for the
-- dead reads here and never tries a lock: trying would take it.
CREATE VIEW theriac.lock_held AS
SELECT (classid::bigint << 32) | objid::bigint AS lock_key
FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- +goose Down
DROP VIEW theriac.lock_held;
DROP TABLE theriac.worker;
DROP TABLE theriac.audit;
DROP TABLE theriac.payload;
DROP TABLE theriac.entry;
DROP TABLE theriac.entry_group;
DROP TABLE theriac.attempt;
DROP TABLE theriac.message;
DROP SEQUENCE theriac.group_seq;
DROP SEQUENCE theriac.entry_seq;
