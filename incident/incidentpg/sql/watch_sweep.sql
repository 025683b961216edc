SELECT id, number, at FROM (
    SELECT id, number, updated_at AS at FROM theriac.incident WHERE ended_at IS NULL AND id > $1
    UNION ALL
    SELECT id, number, updated_at AS at FROM theriac.incident WHERE ended_at >= now() - interval '2 days' AND id > $1
) AS u ORDER BY id LIMIT $2
