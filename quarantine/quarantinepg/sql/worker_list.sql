SELECT w.incarnation, w.name, w.host, w.build, w.pid, w.subscriptions, w.started_at, w.heard_at, w.ended,
       EXISTS (SELECT 1 FROM theriac.lock_held l WHERE l.lock_key = w.lock_key) AS locked, w.controls, w.obeyed
FROM theriac.worker w
WHERE w.ended <> 'left'
ORDER BY w.started_at, w.incarnation
