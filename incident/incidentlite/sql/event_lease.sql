UPDATE incident_event SET lease_until = ?1, again = 0 WHERE n IN (SELECT value FROM json_each(?2))
