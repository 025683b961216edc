SELECT false AS mine, now() AS now, e.key, e.incident_id, e.event_id, e.state, e.attempt, e.in_doubt, e.external_id, e.result,
    e.claimed_at, e.lease_until, e.not_before, e.finished_at
FROM theriac.effect e WHERE e.digest = sha256($1::bytea)
