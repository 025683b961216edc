INSERT INTO message (identity, subscription, message_id, suspect, changed) VALUES (?1, ?2, ?3, 1, ?4)
ON CONFLICT (identity) DO UPDATE SET suspect = 1, changed = excluded.changed
