SELECT crash_seq, state, count(*) AS n FROM theriac.suspect WHERE crash_seq = ANY ($1::bigint[]) GROUP BY crash_seq, state
