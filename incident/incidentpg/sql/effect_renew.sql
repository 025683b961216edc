UPDATE theriac.effect SET lease_until = now() + $3::interval
WHERE digest = sha256($1::bytea) AND attempt = $2 AND state = 'claimed'
