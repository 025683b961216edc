SELECT EXISTS (SELECT 1 FROM theriac.worker WHERE incarnation = $2 AND ended = '') AS registered,
       EXISTS (SELECT 1 FROM theriac.entry WHERE subscription = $1 AND state = 'replaying' AND claim = '') AS waiting
