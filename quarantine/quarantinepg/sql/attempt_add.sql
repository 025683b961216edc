INSERT INTO theriac.attempt (identity, n, body)
SELECT t.identity, t.n, t.body FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS t (identity, n, body)
