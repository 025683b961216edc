INSERT INTO theriac.person (id, slack_id, email, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET slack_id = excluded.slack_id, email = excluded.email, document = excluded.document
