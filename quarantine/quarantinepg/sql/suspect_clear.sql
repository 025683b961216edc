-- Who became a suspect again after the rows were settled stays one.
UPDATE theriac.message m
SET suspect = false, changed = pg_current_xact_id()::text::bigint
WHERE m.identity = ANY ($1::bytea[]) AND m.suspect
    AND NOT EXISTS (SELECT 1 FROM theriac.suspect s WHERE s.key = m.identity AND s.state = 'waiting')
