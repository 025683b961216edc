SELECT number, version, seq, doc FROM incident WHERE id = ?1 OR number = ?2 ORDER BY id = ?1 DESC LIMIT 1
