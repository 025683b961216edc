INSERT INTO person (id, slack_id, email, doc) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (id) DO UPDATE SET slack_id = ?2, email = ?3, doc = ?4
