-- +goose Up

INSERT INTO sequence (name, value) VALUES ('crash', 0);

-- settled: it succeeded alone, and is decided like one that is held. suspect: it
-- waits to run alone; nobody knows its payload, so its row stands under a digest
-- without one, and tells of it by the broker's id as any other row does.
ALTER TABLE message ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;

-- The start of a run that ended in a death, in nanoseconds; 0 for any other. The
-- same death is reported twice by a worker that dies in between.
ALTER TABLE attempt ADD COLUMN crashed_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE entry ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;

-- role, host, build, kind and tier are display copies. summary is what a listing
-- shows, body the whole, so that listing never reads stacks.
CREATE TABLE crash_report (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    ref         TEXT NOT NULL UNIQUE,
    role        TEXT NOT NULL,
    host        TEXT NOT NULL,
    build       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    tier        TEXT NOT NULL,
    died_at     INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    summary     BLOB NOT NULL,
    body        BLOB NOT NULL
) STRICT;
CREATE INDEX crash_report_at ON crash_report (reported_at);

-- key is a digest over subscription, broker's id and publish time: the identity
-- of the row of message that tells of the suspicion. identity is the message's
-- own, once it is settled.
CREATE TABLE suspect (
    n            INTEGER PRIMARY KEY,
    crash_seq    INTEGER NOT NULL REFERENCES crash_report (seq),
    key          BLOB NOT NULL,
    subscription BLOB NOT NULL,
    message_id   BLOB NOT NULL,
    id_cut       INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    part         BLOB NOT NULL,
    why          BLOB NOT NULL,
    deaths       INTEGER NOT NULL,
    state        TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'cleared', 'held')),
    settled_at   INTEGER NOT NULL DEFAULT 0,
    identity     BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE INDEX suspect_crash ON suspect (crash_seq, n);
CREATE INDEX suspect_key ON suspect (key, n);
CREATE INDEX suspect_message ON suspect (message_id, n);
CREATE INDEX suspect_waiting ON suspect (n) WHERE state = 'waiting';

-- +goose Down
DELETE FROM message WHERE identity IN (SELECT key FROM suspect);
DROP TABLE suspect;
DROP TABLE crash_report;
ALTER TABLE entry DROP COLUMN alone;
ALTER TABLE attempt DROP COLUMN crashed_at;
ALTER TABLE message DROP COLUMN suspect;
ALTER TABLE message DROP COLUMN settled;
DELETE FROM sequence WHERE name = 'crash';
