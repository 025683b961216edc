SELECT EXISTS (SELECT 1 FROM theriac.message WHERE identity = $1 AND (held OR settled))
