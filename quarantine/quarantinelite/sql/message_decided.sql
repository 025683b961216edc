SELECT EXISTS (SELECT 1 FROM message WHERE identity = ?1 AND (held OR settled))
