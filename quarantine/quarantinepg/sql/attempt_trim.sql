DELETE FROM theriac.attempt a
USING (
    SELECT m.identity, newest.n
    FROM unnest($1::bytea[]) AS m (identity)
    CROSS JOIN LATERAL (
        SELECT n FROM theriac.attempt WHERE identity = m.identity ORDER BY n DESC OFFSET $2 LIMIT 1) newest) old
WHERE a.identity = old.identity AND a.n <= old.n
