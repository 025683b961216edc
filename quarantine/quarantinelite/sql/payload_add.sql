INSERT INTO payload (entry_seq, data) VALUES (?1, ?2)
