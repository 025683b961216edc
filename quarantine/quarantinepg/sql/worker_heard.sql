UPDATE theriac.worker SET heard_at = now() WHERE incarnation = $1 AND ended = ''
