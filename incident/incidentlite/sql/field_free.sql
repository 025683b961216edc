DELETE FROM incident_field
WHERE number = ?1 AND (field, value) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))
