SELECT c.ref
FROM theriac.suspect s
JOIN theriac.crash_report c ON c.seq = s.crash_seq
WHERE s.key = $1
ORDER BY s.n DESC
LIMIT $2
