SELECT count(*) FROM notifier WHERE holder = ?1 AND until > ?2
