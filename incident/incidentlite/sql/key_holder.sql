SELECT k.key, i.id, i.number
FROM json_each(?2) j
JOIN incident_key k ON k.key = j.value
JOIN incident i ON i.number = k.number
WHERE k.number <> ?1
ORDER BY j.key
LIMIT 1
