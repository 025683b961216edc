WITH named AS (
    SELECT n FROM theriac.incident_outbox
    WHERE event_id = ANY ($1::text[]) OR inbound = ANY (SELECT sha256(id) FROM unnest($2::bytea[]) AS u (id))
    ORDER BY n FOR UPDATE
), again AS (
    UPDATE theriac.incident_outbox o SET again = false, due_at = now() FROM named WHERE o.n = named.n AND o.again
)
DELETE FROM theriac.incident_outbox o USING named WHERE o.n = named.n AND NOT o.again
