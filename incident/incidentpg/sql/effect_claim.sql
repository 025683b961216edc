WITH mine AS (
    INSERT INTO theriac.effect AS e (key, incident_id, event_id, state, attempt, claimed_at, lease_until)
    VALUES ($1, $2, $3, 'claimed', 1, now(), now() + $4::interval)
    ON CONFLICT (digest) DO UPDATE SET state = 'claimed', attempt = e.attempt + 1,
        in_doubt = e.in_doubt OR e.state = 'claimed', claimed_at = now(), lease_until = now() + $4::interval,
        not_before = NULL, event_id = coalesce(nullif(excluded.event_id, ''), e.event_id)
    WHERE e.state = 'claimed' AND e.lease_until <= now() OR e.state = 'waiting' AND coalesce(e.not_before <= now(), true)
    RETURNING e.*
)
SELECT true AS mine, now() AS now, m.key, m.incident_id, m.event_id, m.state, m.attempt, m.in_doubt, m.external_id, m.result,
    m.claimed_at, m.lease_until, m.not_before, m.finished_at FROM mine m
UNION ALL
SELECT false, now(), e.key, e.incident_id, e.event_id, e.state, e.attempt, e.in_doubt, e.external_id, e.result,
    e.claimed_at, e.lease_until, e.not_before, e.finished_at
FROM theriac.effect e WHERE e.digest = sha256($1::bytea) AND NOT EXISTS (SELECT FROM mine)
