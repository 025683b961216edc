INSERT INTO theriac.attempt (identity, body)
SELECT t.identity, t.body
FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS t (identity, body, place)
ORDER BY t.place
