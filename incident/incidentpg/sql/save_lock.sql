SELECT id FROM theriac.incident WHERE id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE
