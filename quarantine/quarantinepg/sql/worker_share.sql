SELECT w.incarnation
FROM theriac.worker w
WHERE w.incarnation = $1 AND w.ended = ''
    AND EXISTS (SELECT 1 FROM theriac.lock_held l WHERE l.lock_key = w.lock_key)
FOR SHARE OF w
