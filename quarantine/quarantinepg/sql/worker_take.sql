SELECT incarnation FROM theriac.worker WHERE incarnation = $1 AND ended = '' FOR UPDATE
