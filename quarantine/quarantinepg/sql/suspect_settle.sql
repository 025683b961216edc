UPDATE theriac.suspect s
SET state = t.state, settled_at = now(), identity = t.identity
FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS t (key, state, identity)
WHERE s.key = t.key AND s.state = 'waiting'
