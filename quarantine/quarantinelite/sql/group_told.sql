UPDATE entry_group SET untold_since = ?2 WHERE seq = ?1
