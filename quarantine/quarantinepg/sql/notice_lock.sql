SELECT seq, fingerprint, changes, untold_since
FROM theriac.entry_group
WHERE fingerprint = ANY ($1::text[])
ORDER BY seq
FOR NO KEY UPDATE
