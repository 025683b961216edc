-- +goose Up

-- What people order of the flow of messages. A row without a subscription is the level
-- of the whole service, any other a pause. until is 0 for one that does not expire;
-- what has expired is cleared away by the next act.
CREATE TABLE control (
    subscription TEXT PRIMARY KEY,
    level        TEXT NOT NULL CHECK (level IN ('', 'non-critical', 'critical-only')),
    set_by       BLOB NOT NULL,
    set_via      TEXT NOT NULL,
    set_claimed  INTEGER NOT NULL,
    set_at       INTEGER NOT NULL,
    set_reason   BLOB NOT NULL,
    until        INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    CHECK ((subscription = '') <> (level = ''))
) STRICT, WITHOUT ROWID;

-- The version of all controls; its row is always there.
CREATE TABLE control_version (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO control_version (id) VALUES (1);

-- The version that a worker has confirmed, and what it makes of it. A program of an
-- older schema confirms nothing.
ALTER TABLE worker ADD COLUMN controls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE worker ADD COLUMN obeyed BLOB NOT NULL DEFAULT x'';

-- +goose Down
ALTER TABLE worker DROP COLUMN obeyed;
ALTER TABLE worker DROP COLUMN controls;
DROP TABLE control_version;
DROP TABLE control;
DELETE FROM audit WHERE verb IN ('pause', 'resume', 'shed');
