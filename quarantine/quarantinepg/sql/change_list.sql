-- Transactions end in another order than they begin. All below the horizon have
-- ended, so what they wrote is told once, in batches that never part one of them.
-- What later ones wrote is told early, the newest of it, and again until the
-- horizon has passed: the next cursor is never beyond it.
WITH snapshot AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
), ended AS (
    SELECT m.*, true AS ended
    FROM theriac.message m
    WHERE m.changed >= $1::bigint AND m.changed < (SELECT horizon FROM snapshot)
        AND ($1 > 0 OR m.held OR m.settled OR m.suspect OR m.failures > 0 OR m.crashes > 0)
    ORDER BY m.changed
    FETCH FIRST ($2::bigint) ROWS WITH TIES
), recent AS (
    SELECT m.*, false AS ended
    FROM theriac.message m
    WHERE m.changed >= greatest($1, (SELECT horizon FROM snapshot))
        AND ($1 = 0 OR m.changed < (SELECT next FROM snapshot))
        AND ($1 > 0 OR m.held OR m.settled OR m.suspect OR m.failures > 0 OR m.crashes > 0)
    ORDER BY m.changed DESC
    LIMIT CASE WHEN $1 > 0 THEN $3::bigint END
), changed AS (
    SELECT * FROM ended UNION ALL SELECT * FROM recent
)
SELECT snapshot.horizon, c.identity IS NOT NULL AS found, coalesce(c.ended, false) AS ended,
       coalesce(c.changed, 0) AS changed, coalesce(c.subscription, '') AS subscription, c.message_id,
       coalesce(same.decided, false) AS decided, coalesce(same.failing, false) AS failing,
       coalesce(same.suspect, false) AS suspect
FROM snapshot
LEFT JOIN changed c ON true
LEFT JOIN LATERAL (
    -- Brokers reuse ids: the standing of an id is the strongest of its messages.
    SELECT bool_or(o.held OR o.settled) AS decided, bool_or(o.failures > 0 OR o.crashes > 0) AS failing,
           bool_or(o.suspect) AS suspect
    FROM theriac.message o
    WHERE o.message_id = c.message_id AND o.subscription = c.subscription) same ON true
