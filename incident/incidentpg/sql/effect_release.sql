-- What its own attempt said before may be said again.
UPDATE theriac.effect SET state = 'waiting', lease_until = NULL,
    in_doubt = CASE state WHEN 'claimed' THEN $3 ELSE in_doubt END,
    result = CASE state WHEN 'claimed' THEN $4 ELSE result END,
    not_before = CASE state WHEN 'claimed' THEN now() + $5::interval ELSE not_before END
WHERE digest = sha256($1::bytea) AND attempt = $2 AND state IN ('claimed', 'waiting')
