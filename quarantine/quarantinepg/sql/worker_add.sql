INSERT INTO theriac.worker (incarnation, lock_key, name, host, build, pid, subscriptions)
VALUES ($1, $2, $3, $4, $5, $6, $7)
