SELECT doc FROM person
WHERE id = ?1 OR (slack_id = ?1 AND slack_id <> '') OR (email = ?2 AND email <> '')
ORDER BY id = ?1 DESC, slack_id = ?1 DESC
LIMIT 1
