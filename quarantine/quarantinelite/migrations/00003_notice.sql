-- +goose Up

-- changes rises with all that people see of a group, version with what they do to
-- it; untold_since is when the oldest change happened that they were not told, 0
-- if there is none. What was there before has nothing untold. A program of an older
-- schema that still runs raises nothing: its changes are told with the next one.
ALTER TABLE entry_group ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN untold_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN taken_by BLOB NOT NULL DEFAULT x'';
ALTER TABLE entry_group ADD COLUMN taken_via TEXT NOT NULL DEFAULT '';
ALTER TABLE entry_group ADD COLUMN taken_claimed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN taken_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN taken_reason BLOB NOT NULL DEFAULT x'';
ALTER TABLE entry_group ADD COLUMN snoozed_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN acted_by BLOB NOT NULL DEFAULT x'';
ALTER TABLE entry_group ADD COLUMN acted_via TEXT NOT NULL DEFAULT '';
ALTER TABLE entry_group ADD COLUMN acted_claimed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN acted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry_group ADD COLUMN acted_reason BLOB NOT NULL DEFAULT x'';
CREATE INDEX entry_group_untold ON entry_group (untold_since, seq) WHERE untold_since <> 0;

-- A row of a group has an empty entry_id, the group's ref and a verb. group_seq is
-- 0 where a program of an older schema wrote the row. request comes from outside.
ALTER TABLE audit ADD COLUMN group_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN verb TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN request BLOB NOT NULL DEFAULT x'';
UPDATE audit SET group_seq = coalesce((SELECT e.group_seq FROM entry e WHERE e.id = audit.entry_id), 0);
CREATE INDEX audit_group ON audit (group_seq, n);
CREATE UNIQUE INDEX audit_request ON audit (request) WHERE request <> x'';

-- What a notifier remembers of each thing that it tells of.
CREATE TABLE notice (
    key        BLOB PRIMARY KEY,
    told       INTEGER NOT NULL,
    audit_told INTEGER NOT NULL,
    told_at    INTEGER NOT NULL,
    state      BLOB NOT NULL,
    trouble    BLOB NOT NULL,
    trouble_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one notifier; its row is always there.
CREATE TABLE notifier (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    holder BLOB NOT NULL DEFAULT x'',
    led_at INTEGER NOT NULL DEFAULT 0,
    until  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO notifier (id) VALUES (1);

-- +goose Down
DROP TABLE notifier;
DROP TABLE notice;
DELETE FROM audit WHERE verb <> '';
DROP INDEX audit_request;
DROP INDEX audit_group;
ALTER TABLE audit DROP COLUMN request;
ALTER TABLE audit DROP COLUMN until;
ALTER TABLE audit DROP COLUMN verb;
ALTER TABLE audit DROP COLUMN group_seq;
DROP INDEX entry_group_untold;
ALTER TABLE entry_group DROP COLUMN acted_reason;
ALTER TABLE entry_group DROP COLUMN acted_at;
ALTER TABLE entry_group DROP COLUMN acted_claimed;
ALTER TABLE entry_group DROP COLUMN acted_via;
ALTER TABLE entry_group DROP COLUMN acted_by;
ALTER TABLE entry_group DROP COLUMN snoozed_until;
ALTER TABLE entry_group DROP COLUMN taken_reason;
ALTER TABLE entry_group DROP COLUMN taken_at;
ALTER TABLE entry_group DROP COLUMN taken_claimed;
ALTER TABLE entry_group DROP COLUMN taken_via;
ALTER TABLE entry_group DROP COLUMN taken_by;
ALTER TABLE entry_group DROP COLUMN version;
ALTER TABLE entry_group DROP COLUMN untold_since;
ALTER TABLE entry_group DROP COLUMN changes;
