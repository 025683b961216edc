UPDATE suspect SET state = ?2, settled_at = ?3, identity = ?4 WHERE key = ?1 AND state = 'waiting'
