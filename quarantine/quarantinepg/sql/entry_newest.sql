SELECT (SELECT coalesce(max(e.seq), 0) FROM theriac.entry e WHERE e.group_seq = g.seq) AS newest
FROM unnest($1::bigint[]) AS g (seq)
