SELECT i.number, i.version, e.body FROM theriac.incident i
LEFT JOIN theriac.incident_event e ON e.number = i.number AND e.seq = i.seq
WHERE i.id = $1
