INSERT INTO message (identity, subscription, message_id) VALUES (?1, ?2, ?3)
ON CONFLICT (identity) DO UPDATE SET identity = excluded.identity
RETURNING failures, crashes, attempts, held
