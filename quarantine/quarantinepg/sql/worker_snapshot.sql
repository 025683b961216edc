UPDATE theriac.worker SET in_flight = $2, snapshot_at = now() WHERE incarnation = $1 AND ended = ''
