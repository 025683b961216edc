SELECT body FROM theriac.attempt WHERE identity = $1 ORDER BY n DESC LIMIT $2
