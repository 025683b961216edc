SELECT ref FROM theriac.crash_report WHERE ref >= $1::text AND ref <= $1::text || '~' ORDER BY ref LIMIT 11
