SELECT entry_id::text AS entry_id, ref, from_state, to_state, version, actor, via, claimed, at, reason
FROM theriac.audit
WHERE true /*filter*/
ORDER BY n DESC
LIMIT $1
