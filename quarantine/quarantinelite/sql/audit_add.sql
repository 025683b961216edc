INSERT INTO audit (entry_id, ref, from_state, to_state, version, actor, via, claimed, at, reason,
    group_seq, verb, until, request)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
