INSERT INTO crash_report (seq, id, ref, role, host, build, kind, tier, died_at, reported_at, summary, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
