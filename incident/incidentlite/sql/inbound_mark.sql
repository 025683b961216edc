UPDATE inbound SET pending_since = 0, lease_until = 0 WHERE id IN (SELECT value FROM json_each(?1))
