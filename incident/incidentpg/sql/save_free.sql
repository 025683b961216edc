-- What one of several incidents gives up another of them may take.
DELETE FROM theriac.incident_key k
WHERE k.incident_id = $1 AND NOT EXISTS (SELECT FROM unnest($2::bytea[]) AS w (text) WHERE sha256(w.text) = k.digest)
