INSERT INTO message (identity, subscription, message_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING
