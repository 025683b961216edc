UPDATE inbound SET handled_at = ?2, result = ?3, pending_since = 0, lease_until = 0 WHERE id = ?1 AND handled_at = 0
