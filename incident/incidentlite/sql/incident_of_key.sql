SELECT i.number, i.version, i.seq, i.doc FROM incident_key k JOIN incident i ON i.number = k.number WHERE k.key = ?1
