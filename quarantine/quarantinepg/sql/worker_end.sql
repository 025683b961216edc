UPDATE theriac.worker SET ended = $2 WHERE incarnation = $1 AND ended = ''
