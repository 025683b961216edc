SELECT in_flight, heard_at, clock_timestamp() AS at
FROM theriac.worker
WHERE incarnation = $1 AND ended = ''
FOR UPDATE
