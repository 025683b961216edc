INSERT INTO worker (incarnation, name, host, build, pid, subscriptions, started_at, heard_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
