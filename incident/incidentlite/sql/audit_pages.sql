SELECT i.id AS subject, i.number, e.stored_at AS since, 1 AS count
FROM incident i
JOIN incident_event e ON e.incident_id = i.id
WHERE i.page_due_at <> 0 AND e.type = 'escalation.level_due' AND e.stored_at < ?1 AND substr(e.key, 1, 6) = 'level:'
  AND NOT EXISTS (SELECT 1 FROM effect f
      WHERE f.incident_id = i.id AND f.state = 'done' AND substr(f.key, 1, length(e.key)) = 'page:' || substr(e.key, 7) || ':')
  AND NOT EXISTS (SELECT 1 FROM incident_event l
      WHERE l.incident_id = i.id AND l.seq > e.seq
        AND l.type IN ('escalation.level_due', 'escalation.level_notified', 'escalation.acked', 'escalation.exhausted',
            'escalation.cancelled', 'escalation.resolved')
        AND instr(l.body, CAST(substr(e.key, 7, instr(substr(e.key, 7), ':') - 1) AS BLOB)) > 0)
ORDER BY since, subject LIMIT ?2
