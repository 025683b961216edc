UPDATE incident_event SET again = pending_since <> 0 AND lease_until > ?1,
    pending_since = CASE WHEN pending_since = 0 OR lease_until > ?1 THEN ?1 ELSE pending_since END
WHERE id IN (SELECT value FROM json_each(?2))
