INSERT INTO theriac.entry_group (seq, ref, fingerprint, subscription, title, place, reason, basis, builds)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (fingerprint) DO NOTHING
