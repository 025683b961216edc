SELECT seq, builds FROM theriac.entry_group WHERE seq = ANY ($1::bigint[]) ORDER BY seq FOR NO KEY UPDATE
