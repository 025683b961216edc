SELECT incarnation, name, host, build, pid, subscriptions, started_at, heard_at, ended
FROM worker
WHERE ended <> 'left'
ORDER BY started_at, incarnation
