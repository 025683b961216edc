-- The rows that tell of those who wait. Whoever reports or settles them waits
-- here; those of a report that is not committed yet are not seen, and not settled.
SELECT m.identity
FROM theriac.message m
WHERE m.identity IN (SELECT s.key FROM theriac.suspect s WHERE s.key = ANY ($1::bytea[]) AND s.state = 'waiting')
ORDER BY m.identity
FOR NO KEY UPDATE OF m
