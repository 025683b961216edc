SELECT n.trouble
FROM entry_group g
JOIN notice n ON n.key = CAST('group:' || g.fingerprint AS BLOB)
WHERE g.untold_since <> 0 AND n.trouble <> x''
ORDER BY n.trouble_at DESC
