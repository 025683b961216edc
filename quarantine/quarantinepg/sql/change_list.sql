-- Transactions end in another order than they begin. All below the horizon have
-- ended, so what they wrote is told once, in batches that never part one of them.
-- What later ones wrote is told early, the newest of it, and again until the
-- horizon has passed: the next cursor is never beyond it.
WITH snapshot AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
), settled AS (
    SELECT m.*, true AS settled
    FROM theriac.message m
    WHERE m.changed >= $1::bigint AND m.changed < (SELECT horizon FROM snapshot)
        AND ($1 > 0 OR m.held OR m.failures > 0 OR m.crashes > 0)
    ORDER BY m.changed
    FETCH FIRST ($2::bigint) ROWS WITH TIES
), recent AS (
    SELECT m.*, false AS settled
    FROM theriac.message m
    WHERE m.changed >= greatest($1, (SELECT horizon FROM snapshot))
        AND ($1 = 0 OR m.changed < (SELECT next FROM snapshot))
        AND ($1 > 0 OR m.held OR m.failures > 0 OR m.crashes > 0)
    ORDER BY m.changed DESC
    LIMIT CASE WHEN $1 > 0 THEN $3::bigint END
), changed AS (
    SELECT * FROM settled UNION ALL SELECT * FROM recent
)
SELECT snapshot.horizon, c.identity IS NOT NULL AS found, coalesce(c.settled, false) AS settled,
       coalesce(c.changed, 0) AS changed, coalesce(c.subscription, '') AS subscription, c.message_id,
       coalesce(same.held, false) AS held, coalesce(same.failing, false) AS failing
FROM snapshot
LEFT JOIN changed c ON true
LEFT JOIN LATERAL (
    -- Brokers reuse ids: the standing of an id is the strongest of its messages.
    SELECT bool_or(o.held) AS held, bool_or(o.failures > 0 OR o.crashes > 0) AS failing
    FROM theriac.message o
    WHERE o.message_id = c.message_id AND o.subscription = c.subscription) same ON true
