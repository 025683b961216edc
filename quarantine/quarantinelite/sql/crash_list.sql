SELECT c.seq, c.ref, c.reported_at, c.summary AS encoded
FROM crash_report c
WHERE true /*filter*/
ORDER BY c.seq DESC
LIMIT ?1
