SELECT identity, failures, crashes, attempts, held
FROM theriac.message
WHERE identity = ANY ($1)
ORDER BY identity
FOR NO KEY UPDATE
