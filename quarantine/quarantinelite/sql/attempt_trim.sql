DELETE FROM attempt WHERE identity = ?1 AND n <= ?2
