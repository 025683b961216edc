SELECT document FROM theriac.person WHERE id = $1 OR slack_id = $1 AND slack_id <> '' OR email = $2 AND email <> ''
ORDER BY id <> $1, slack_id <> $1, id LIMIT 1
