SELECT changed FROM message WHERE changed > ?1 ORDER BY changed LIMIT 1 OFFSET ?2
