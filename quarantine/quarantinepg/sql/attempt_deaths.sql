SELECT identity, crashed_at FROM theriac.attempt WHERE identity = ANY ($1::bytea[]) AND crashed_at <> 0
