UPDATE notifier SET holder = ?1, led_at = ?2, until = ?3 WHERE holder = ?1 OR until <= ?2
