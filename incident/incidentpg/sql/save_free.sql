-- What one of several incidents gives up another of them may take.
DELETE FROM theriac.incident_key k USING theriac.incident i
WHERE i.id = $1 AND k.number = i.number AND NOT EXISTS (SELECT FROM unnest($2::bytea[]) AS w (text) WHERE sha256(w.text) = k.digest)
