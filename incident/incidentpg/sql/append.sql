WITH moved AS (
    UPDATE theriac.incident i SET seq = i.seq + cardinality(@event_ids::text[]) WHERE i.id = @id
    RETURNING i.number, i.version, i.seq, i.visibility, i.mode
), /*events*/
SELECT m.number, m.version, m.seq, ''::text AS holder, 0::bigint AS holder_number, ''::bytea AS holder_key FROM moved m
