-- +goose Up

CREATE SEQUENCE theriac.crash_seq;

-- settled: it succeeded alone, and is decided like one that is held. suspect: it
-- waits to run alone; nobody knows its payload, so its row stands under a digest
-- without one, and tells of it by the broker's id as any other row does.
ALTER TABLE theriac.message
    ADD COLUMN settled boolean NOT NULL DEFAULT false,
    ADD COLUMN suspect boolean NOT NULL DEFAULT false;

-- The start of a run that ended in a death, in nanoseconds; 0 for any other. The
-- same death is reported twice by a worker that dies in between.
ALTER TABLE theriac.attempt ADD COLUMN crashed_at bigint NOT NULL DEFAULT 0;

ALTER TABLE theriac.entry ADD COLUMN alone boolean NOT NULL DEFAULT false;

-- What the worker was running when it last said so.
ALTER TABLE theriac.worker
    ADD COLUMN in_flight bytea NOT NULL DEFAULT '',
    ADD COLUMN snapshot_at timestamptz;
-- Compressing what is written often costs more than its bytes.
ALTER TABLE theriac.worker ALTER COLUMN in_flight SET STORAGE EXTERNAL;

-- role, host, build, kind and tier are display copies; died_at comes from outside,
-- like published_at. summary is what a listing shows, body the whole, so that
-- listing never reads stacks.
CREATE TABLE theriac.crash_report (
    seq         bigint PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,
    ref         text COLLATE "C" NOT NULL UNIQUE,
    role        text NOT NULL,
    host        text NOT NULL,
    pid         bigint NOT NULL,
    build       text NOT NULL,
    kind        text NOT NULL,
    tier        text NOT NULL,
    died_at     bigint NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT now(),
    summary     bytea NOT NULL,
    body        bytea NOT NULL
);
CREATE INDEX crash_report_at ON theriac.crash_report USING brin (reported_at) WITH (autosummarize);

-- key is a digest over subscription, broker's id and publish time: the identity
-- of the row of theriac.message that tells of the suspicion. identity is the
-- message's own, once it is settled.
CREATE TABLE theriac.suspect (
    n            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    crash_seq    bigint NOT NULL,
    key          bytea NOT NULL,
    subscription bytea NOT NULL,
    message_id   bytea NOT NULL,
    id_cut       boolean NOT NULL,
    published_at bigint NOT NULL,
    part         bytea NOT NULL,
    why          bytea NOT NULL,
    deaths       bigint NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'cleared', 'held')),
    settled_at   timestamptz,
    identity     bytea NOT NULL DEFAULT ''
);
CREATE INDEX suspect_crash ON theriac.suspect (crash_seq, n);
CREATE INDEX suspect_key ON theriac.suspect (key, n);
CREATE INDEX suspect_message ON theriac.suspect USING hash (message_id);
-- Empty nearly always, and asked with every entry that is held.
CREATE INDEX suspect_waiting ON theriac.suspect (key) WHERE state = 'waiting';

-- +goose Down
DELETE FROM theriac.message m USING theriac.suspect s WHERE m.identity = s.key;
DROP TABLE theriac.suspect;
DROP TABLE theriac.crash_report;
ALTER TABLE theriac.worker DROP COLUMN snapshot_at, DROP COLUMN in_flight;
ALTER TABLE theriac.entry DROP COLUMN alone;
ALTER TABLE theriac.attempt DROP COLUMN crashed_at;
ALTER TABLE theriac.message DROP COLUMN suspect, DROP COLUMN settled;
DROP SEQUENCE theriac.crash_seq;
