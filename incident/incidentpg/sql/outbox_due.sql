SELECT EXISTS (SELECT FROM theriac.incident_outbox WHERE due_at <= now())
