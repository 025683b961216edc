SELECT number, version, seq, document FROM theriac.incident WHERE id = $1
