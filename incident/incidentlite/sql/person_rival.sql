SELECT EXISTS (SELECT 1 FROM person
    WHERE id <> ?1 AND ((slack_id = ?2 AND slack_id <> '') OR (email = ?3 AND email <> '')))
