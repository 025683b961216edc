SELECT seq, fingerprint, builds
FROM theriac.entry_group
WHERE fingerprint = ANY ($1)
ORDER BY fingerprint
FOR NO KEY UPDATE
