SELECT n, id, topic, kind, attributes, not_before, stored_at, handled_at, result, body FROM inbound
WHERE pending_since <> 0 AND pending_since <= ?1 AND lease_until <= ?1 AND chore = ?2
ORDER BY stored_at, n
LIMIT ?3
