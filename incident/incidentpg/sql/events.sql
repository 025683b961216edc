listed AS (
    SELECT * FROM unnest(@event_ids::text[], @event_types::text[], @event_actors::bytea[], @event_keys::bytea[],
        @event_recorded::timestamptz[], @event_visibilities::text[], @event_modes::text[], @event_bodies::bytea[],
        @event_published::boolean[])
        WITH ORDINALITY AS e (id, type, actor, key, recorded_at, visibility, mode, body, published, ord)
), events AS (
    INSERT INTO theriac.incident_event (number, seq, id, type, actor, key, recorded_at, stored_at, visibility, mode, body)
    SELECT m.number, m.seq - cardinality(@event_ids::text[]) + e.ord, e.id, e.type, e.actor, e.key, e.recorded_at, now(),
        CASE WHEN m.visibility = 'private' OR e.visibility = '' THEN m.visibility ELSE e.visibility END,
        coalesce(nullif(e.mode, ''), m.mode), e.body
    FROM moved m, listed e ORDER BY e.ord
), outbox AS (
    INSERT INTO theriac.incident_outbox (event_id, stored_at, since, due_at)
    SELECT e.id, now(), now(), now() FROM moved m, listed e WHERE e.published ORDER BY e.ord
)
