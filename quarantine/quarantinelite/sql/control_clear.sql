DELETE FROM control WHERE subscription = ?1 OR until <> 0 AND until <= ?2
