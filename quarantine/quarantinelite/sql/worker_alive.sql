SELECT count(*) FROM worker WHERE incarnation = ?1 AND ended = ''
