SELECT n FROM inbound WHERE stored_at < ?1 AND pending_since = 0 LIMIT ?2
