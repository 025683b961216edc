INSERT INTO message (identity, subscription, message_id, settled, changed) VALUES (?1, ?2, ?3, 1, ?4)
ON CONFLICT (identity) DO UPDATE SET settled = 1, changed = excluded.changed
