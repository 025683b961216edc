SELECT number, version, seq, mode, visibility FROM incident WHERE id = ?1
