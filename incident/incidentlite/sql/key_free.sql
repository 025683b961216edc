DELETE FROM incident_key WHERE number = ?1 AND key NOT IN (SELECT value FROM json_each(?2))
