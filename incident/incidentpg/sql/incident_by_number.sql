SELECT number, version, seq, document FROM theriac.incident WHERE number = $1
