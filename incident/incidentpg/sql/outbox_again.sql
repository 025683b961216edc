INSERT INTO theriac.incident_outbox AS o (event_id, stored_at, since, due_at)
SELECT id, stored_at, now(), now() FROM theriac.incident_event WHERE id = ANY ($1::text[]) ORDER BY id
ON CONFLICT (event_id) DO UPDATE SET again = o.due_at > now(), since = CASE WHEN o.due_at > now() THEN now() ELSE o.since END
