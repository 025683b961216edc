SELECT incarnation, name, host, build, pid, subscriptions, started_at, heard_at, ended, controls, obeyed
FROM worker
WHERE ended <> 'left'
ORDER BY started_at, incarnation
