UPDATE theriac.worker SET ended = $2, in_flight = '' WHERE incarnation = $1 AND ended = ''
