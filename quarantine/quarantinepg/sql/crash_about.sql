-- Both times of $4 are the server's; of the same host and number there are many
-- processes, one after the other.
SELECT EXISTS (
    SELECT 1 FROM theriac.crash_report
    WHERE host = $1 AND pid = $2 AND died_at >= $3 AND reported_at >= $4)
