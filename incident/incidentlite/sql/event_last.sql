SELECT body FROM incident_event WHERE incident_id = ?1 ORDER BY seq DESC LIMIT 1
