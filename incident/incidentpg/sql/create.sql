-- The number is taken when all keys are, so that a refusal leaves no gap.
WITH wanted AS (
    SELECT * FROM unnest(@keys::bytea[]) WITH ORDINALITY AS k (text, ord)
), holder AS (
    SELECT k.incident_id, k.text FROM wanted w JOIN theriac.incident_key k ON k.digest = sha256(w.text) ORDER BY w.ord LIMIT 1
), taken AS (
    INSERT INTO theriac.incident_key (text, incident_id)
    SELECT w.text, @id FROM wanted w WHERE NOT EXISTS (SELECT FROM holder) ORDER BY sha256(w.text)
    RETURNING 1
), moved AS (
    INSERT INTO theriac.incident (number, id, version, seq, status, stage, mode, visibility, severity, type, merged_into,
        created_at, updated_at, ended_at, page_due_at, nudge_due_at, has_channel, people, fields, search, listing, document)
    SELECT nextval('theriac.incident_number'), @id, 1, cardinality(@event_ids::text[]),
        @status, @stage, @mode, @visibility, @severity, @type, @merged_into,
        @created_at, @updated_at, @ended_at::timestamptz, @page_due_at::timestamptz, @nudge_due_at::timestamptz,
        @has_channel::boolean, @people::bytea[], @fields::bytea[], @search, @listing, @document
    WHERE (SELECT count(*) FROM taken) = cardinality(@keys::bytea[]) AND NOT EXISTS (SELECT FROM holder)
    RETURNING number, version, seq, visibility, mode
), /*events*/
SELECT m.number, m.version, m.seq, ''::text AS holder, 0::bigint AS holder_number, ''::bytea AS holder_key FROM moved m
UNION ALL
SELECT 0, 0, 0, i.id, i.number, h.text FROM holder h JOIN theriac.incident i ON i.id = h.incident_id
