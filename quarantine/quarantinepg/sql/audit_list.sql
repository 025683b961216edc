SELECT n, CASE WHEN verb = '' THEN entry_id::text ELSE '' END AS entry_id, ref, from_state, to_state, version,
       actor, via, claimed, at, reason, verb, until
FROM theriac.audit
WHERE true /*filter*/
ORDER BY n /*order*/
LIMIT $1
