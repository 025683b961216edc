SELECT f.n FROM incident i JOIN effect f ON f.incident_id = i.id WHERE i.ended_at <> 0 AND i.ended_at < ?1 AND i.updated_at < ?1 LIMIT ?2
