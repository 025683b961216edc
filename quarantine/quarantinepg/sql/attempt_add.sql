INSERT INTO theriac.attempt (identity, body, crashed_at)
SELECT t.identity, t.body, t.crashed_at
FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) WITH ORDINALITY AS t (identity, body, crashed_at, place)
ORDER BY t.place
