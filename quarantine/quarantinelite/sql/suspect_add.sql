INSERT INTO suspect (crash_seq, key, subscription, message_id, id_cut, published_at, part, why, deaths)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
