SELECT (SELECT count(*) FROM theriac.entry_group WHERE untold_since IS NOT NULL) AS due,
       (SELECT min(untold_since) FROM theriac.entry_group WHERE untold_since IS NOT NULL) AS oldest,
       CASE WHEN o.until > clock_timestamp() THEN o.holder ELSE ''::bytea END AS holder, o.led_at,
       t.troubled, coalesce(t.trouble, ''::bytea) AS trouble
FROM theriac.notifier o
CROSS JOIN (
    SELECT count(*) AS troubled, (array_agg(n.trouble ORDER BY n.trouble_at DESC))[1] AS trouble
    FROM theriac.entry_group g
    JOIN theriac.notice n ON n.key = convert_to('group:' || g.fingerprint, 'UTF8')
    WHERE g.untold_since IS NOT NULL AND n.trouble <> ''::bytea) t
