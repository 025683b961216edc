DELETE FROM worker WHERE ended <> '' AND heard_at < ?1
