SELECT e.body FROM incident_event e WHERE true /*filter*/ ORDER BY /*order*/ LIMIT ?1
