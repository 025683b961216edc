SELECT subscription, message_id, bool_or(held) AS held, bool_or(failures + crashes > 0) AS failing
FROM theriac.message
WHERE (subscription, message_id) IN (
    SELECT subscription, message_id
    FROM theriac.message
    WHERE changed >= $1 AND changed <= $2 AND ($1 = 0 OR changed < $3))
GROUP BY subscription, message_id
