SELECT n, id, topic, kind, attributes, not_before, stored_at, handled_at, result, body FROM inbound WHERE id = ?1
