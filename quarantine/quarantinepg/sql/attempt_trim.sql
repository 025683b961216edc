DELETE FROM theriac.attempt a
USING theriac.message m
WHERE m.identity = ANY ($1) AND a.identity = m.identity AND a.n <= m.attempts - $2::bigint
