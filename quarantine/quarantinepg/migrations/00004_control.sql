-- +goose Up

-- What people order of the flow of messages. A row without a subscription is the level
-- of the whole service, any other a pause. until is null for one that does not expire;
-- what has expired is cleared away by the next act.
CREATE TABLE theriac.control (
    subscription text PRIMARY KEY,
    level        text NOT NULL CHECK (level IN ('', 'non-critical', 'critical-only')),
    set_by       bytea NOT NULL,
    set_via      text NOT NULL,
    set_claimed  boolean NOT NULL,
    set_at       timestamptz NOT NULL,
    set_reason   bytea NOT NULL,
    until        timestamptz,
    version      bigint NOT NULL,
    CHECK ((subscription = '') <> (level = ''))
);

-- The version of all controls; its row is always there, and locked by each act.
CREATE TABLE theriac.control_version (
    id      integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    version bigint NOT NULL DEFAULT 0
);
INSERT INTO theriac.control_version DEFAULT VALUES;

-- The version that a worker has confirmed, and what it makes of it. A program of an
-- older schema confirms nothing.
ALTER TABLE theriac.worker
    ADD COLUMN controls bigint NOT NULL DEFAULT 0,
    ADD COLUMN obeyed   bytea NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE theriac.worker DROP COLUMN obeyed, DROP COLUMN controls;
DROP TABLE theriac.control_version;
DROP TABLE theriac.control;
DELETE FROM theriac.audit WHERE verb IN ('pause', 'resume', 'shed');
