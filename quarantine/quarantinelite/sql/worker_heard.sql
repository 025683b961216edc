UPDATE worker SET heard_at = ?2 WHERE incarnation = ?1 AND ended = ''
