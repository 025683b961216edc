UPDATE theriac.worker SET controls = $2, obeyed = $3 WHERE incarnation = $1 AND ended = ''
