SELECT count(*) FROM audit WHERE request = ?1 AND request <> x''
