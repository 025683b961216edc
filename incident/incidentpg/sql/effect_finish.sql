-- What its own attempt said before may be said again.
UPDATE theriac.effect SET state = $3,
    external_id = CASE state WHEN 'claimed' THEN $4 ELSE external_id END,
    result = CASE state WHEN 'claimed' THEN $5 ELSE result END,
    finished_at = CASE state WHEN 'claimed' THEN now() ELSE finished_at END,
    lease_until = NULL, in_doubt = false
WHERE digest = sha256($1::bytea) AND attempt = $2 AND state IN ('claimed', $3)
