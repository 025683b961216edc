INSERT INTO theriac.entry (seq, id, ref, identity, group_seq, subscription, message_id, ordering_key, attributes,
    published_at, delivery_attempt, size, sha256, degraded, reason, confidence, evidence, build, place, search,
    failures, crashes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
