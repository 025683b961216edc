SELECT state, count(*) AS n FROM suspect WHERE crash_seq = ?1 GROUP BY state
