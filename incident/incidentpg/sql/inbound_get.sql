SELECT id, topic, kind, body, attributes, not_before, stored_at, handled_at, result
FROM theriac.inbound WHERE digest = sha256($1::bytea)
