SELECT w.incarnation, w.name, w.host, w.build, w.pid, w.subscriptions, w.started_at, w.heard_at, w.ended, EXISTS (
    SELECT 1
    FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32) | l.objid::bigint = w.lock_key) AS locked
FROM theriac.worker w
WHERE w.ended <> 'left'
ORDER BY w.started_at, w.incarnation
