SELECT i.number, i.version, i.seq, i.document
FROM theriac.incident_key k JOIN theriac.incident i ON i.id = k.incident_id WHERE k.digest = sha256($1::bytea)
