DELETE FROM incident_person WHERE number = ?1 AND person NOT IN (SELECT value FROM json_each(?2))
