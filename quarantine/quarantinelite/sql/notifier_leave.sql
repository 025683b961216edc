UPDATE notifier SET until = ?2 WHERE holder = ?1 AND until > ?2
