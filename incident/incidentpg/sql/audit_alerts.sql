SELECT id AS subject, 0::bigint AS number, stored_at AS since, 1::bigint AS count FROM theriac.inbound
WHERE topic = $1 AND handled_at IS NULL AND stored_at < now() - $2::interval AND stored_at >= now() - $4::interval
ORDER BY stored_at, id LIMIT $3
