SELECT (SELECT count(*) FROM entry_group WHERE untold_since <> 0) AS due,
       (SELECT coalesce(min(untold_since), 0) FROM entry_group WHERE untold_since <> 0) AS oldest,
       CASE WHEN until > ?1 THEN holder ELSE x'' END AS holder, led_at
FROM notifier
