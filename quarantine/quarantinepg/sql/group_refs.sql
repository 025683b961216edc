SELECT ref FROM theriac.entry_group WHERE ref >= $1::text AND ref <= $1::text || '~' ORDER BY ref LIMIT 11
