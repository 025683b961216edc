-- Where a key is held by another incident or the version is another one nothing moves.
WITH wanted AS (
    SELECT * FROM unnest(@keys::bytea[]) WITH ORDINALITY AS k (text, ord)
), held AS (
    SELECT k.digest, k.incident_id, k.text, w.ord FROM wanted w JOIN theriac.incident_key k ON k.digest = sha256(w.text)
), holder AS (
    SELECT h.incident_id, h.text FROM held h WHERE h.incident_id <> @id ORDER BY h.ord LIMIT 1
), moved AS (
    UPDATE theriac.incident i SET version = i.version + 1, seq = i.seq + cardinality(@event_ids::text[]),
        status = @status, stage = @stage, mode = @mode, visibility = @visibility, severity = @severity, type = @type,
        merged_into = @merged_into, created_at = @created_at, updated_at = @updated_at, ended_at = @ended_at,
        page_due_at = @page_due_at, nudge_due_at = @nudge_due_at, has_channel = @has_channel, people = @people,
        fields = @fields, search = @search, listing = @listing, document = @document
    WHERE i.id = @id AND i.version = @expected AND NOT EXISTS (SELECT FROM holder)
    RETURNING i.number, i.version, i.seq, i.visibility, i.mode
), freed AS (
    DELETE FROM theriac.incident_key k USING moved m
    WHERE k.incident_id = @id AND NOT EXISTS (SELECT FROM held h WHERE h.digest = k.digest)
), taken AS (
    INSERT INTO theriac.incident_key (text, incident_id)
    SELECT w.text, @id FROM moved m, wanted w
    WHERE NOT EXISTS (SELECT FROM held h WHERE h.ord = w.ord) ORDER BY sha256(w.text)
), /*events*/
SELECT m.number, m.version, m.seq, ''::text AS holder, 0::bigint AS holder_number, ''::bytea AS holder_key FROM moved m
UNION ALL
SELECT 0, 0, 0, i.id, i.number, h.text FROM holder h JOIN theriac.incident i ON i.id = h.incident_id
WHERE EXISTS (SELECT FROM theriac.incident WHERE id = @id AND version = @expected)
