SELECT n, entry_id, ref, from_state, to_state, version, actor, via, claimed, at, reason, verb, until
FROM audit
WHERE true /*filter*/
ORDER BY n /*order*/
LIMIT ?1
