SELECT e.number, e.seq, e.visibility, e.mode, e.body FROM theriac.incident_event e
WHERE true/*filter*/
ORDER BY e.id LIMIT $1
