SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,
       coalesce((SELECT changed FROM theriac.message WHERE changed >= $1 ORDER BY changed OFFSET $2 LIMIT 1), -1) AS bound
