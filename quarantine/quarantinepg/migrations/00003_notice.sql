-- +goose Up

-- changes rises with all that people see of a group, version with what they do to
-- it; untold_since is when the oldest change happened that they were not told, null
-- if there is none. What was there before has nothing untold. A program of an older
-- schema that still runs raises nothing: its changes are told with the next one.
ALTER TABLE theriac.entry_group
    ADD COLUMN changes       bigint NOT NULL DEFAULT 0,
    ADD COLUMN untold_since  timestamptz,
    ADD COLUMN version       bigint NOT NULL DEFAULT 0,
    ADD COLUMN taken_by      bytea NOT NULL DEFAULT '',
    ADD COLUMN taken_via     text NOT NULL DEFAULT '',
    ADD COLUMN taken_claimed boolean NOT NULL DEFAULT false,
    ADD COLUMN taken_at      timestamptz,
    ADD COLUMN taken_reason  bytea NOT NULL DEFAULT '',
    ADD COLUMN snoozed_until timestamptz,
    ADD COLUMN acted_by      bytea NOT NULL DEFAULT '',
    ADD COLUMN acted_via     text NOT NULL DEFAULT '',
    ADD COLUMN acted_claimed boolean NOT NULL DEFAULT false,
    ADD COLUMN acted_at      timestamptz,
    ADD COLUMN acted_reason  bytea NOT NULL DEFAULT '';
-- Its column changes once with each telling, not with each entry.
CREATE INDEX entry_group_untold ON theriac.entry_group (untold_since, seq) WHERE untold_since IS NOT NULL;

-- A row of a group has an entry_id of zeros, the group's ref and a verb. group_seq
-- is 0 where a program of an older schema wrote the row. request comes from outside.
ALTER TABLE theriac.audit
    ADD COLUMN group_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN verb      text NOT NULL DEFAULT '',
    ADD COLUMN until     timestamptz,
    ADD COLUMN request   bytea NOT NULL DEFAULT '';
UPDATE theriac.audit a SET group_seq = e.group_seq FROM theriac.entry e WHERE e.id = a.entry_id;
CREATE INDEX audit_group ON theriac.audit (group_seq, n);
CREATE UNIQUE INDEX audit_request ON theriac.audit (request) WHERE request <> '';

-- What a notifier remembers of each thing that it tells of.
CREATE TABLE theriac.notice (
    key        bytea PRIMARY KEY,
    told       bigint NOT NULL,
    audit_told bigint NOT NULL,
    told_at    timestamptz,
    state      bytea NOT NULL,
    trouble    bytea NOT NULL,
    trouble_at timestamptz
) WITH (fillfactor = 50);

-- The one notifier; its row is always there.
CREATE TABLE theriac.notifier (
    id     integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    holder bytea NOT NULL DEFAULT '',
    led_at timestamptz,
    until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO theriac.notifier DEFAULT VALUES;

-- +goose Down
DROP TABLE theriac.notifier;
DROP TABLE theriac.notice;
DELETE FROM theriac.audit WHERE verb <> '';
ALTER TABLE theriac.audit DROP COLUMN request, DROP COLUMN until, DROP COLUMN verb, DROP COLUMN group_seq;
ALTER TABLE theriac.entry_group
    DROP COLUMN acted_reason, DROP COLUMN acted_at, DROP COLUMN acted_claimed, DROP COLUMN acted_via, DROP COLUMN acted_by,
    DROP COLUMN snoozed_until,
    DROP COLUMN taken_reason, DROP COLUMN taken_at, DROP COLUMN taken_claimed, DROP COLUMN taken_via, DROP COLUMN taken_by,
    DROP COLUMN version, DROP COLUMN untold_since, DROP COLUMN changes;
