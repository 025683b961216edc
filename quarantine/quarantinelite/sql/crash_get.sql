SELECT seq, ref, reported_at, body AS encoded FROM crash_report WHERE id = ?1 OR ref = ?2
