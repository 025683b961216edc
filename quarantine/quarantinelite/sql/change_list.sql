SELECT subscription, message_id, max(held OR settled) AS decided, max(failures + crashes > 0) AS failing,
       max(suspect) AS suspect
FROM message
WHERE (subscription, message_id) IN (SELECT subscription, message_id FROM message WHERE changed > ?1 AND changed <= ?2)
GROUP BY subscription, message_id
