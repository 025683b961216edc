SELECT EXISTS (SELECT 1 FROM attempt WHERE identity = ?1 AND crashed_at = ?2)
