-- Whoever reports or settles the same suspects waits here; those of a report that
-- is not committed yet are not seen, and not settled.
SELECT identity FROM theriac.message WHERE identity = ANY ($1::bytea[]) ORDER BY identity FOR NO KEY UPDATE
