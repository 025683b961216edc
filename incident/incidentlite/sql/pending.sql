SELECT EXISTS (SELECT 1 FROM incident_event WHERE pending_since <> 0 AND pending_since <= ?1 AND lease_until <= ?1)
    OR EXISTS (SELECT 1 FROM inbound WHERE pending_since <> 0 AND pending_since <= ?1 AND lease_until <= ?1)
