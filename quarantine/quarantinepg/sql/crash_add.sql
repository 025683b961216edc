INSERT INTO theriac.crash_report (seq, id, ref, role, host, pid, build, kind, tier, died_at, summary, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING
