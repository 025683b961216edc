SELECT count(*) FROM audit WHERE request >= ?1 AND request < ?2 AND request <> x''
