SELECT ref FROM crash_report WHERE ref >= ?1 AND ref <= ?1 || '~' ORDER BY ref LIMIT 11
