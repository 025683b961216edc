SELECT count(*) FROM (SELECT 1 FROM entry e WHERE true /*filter*/ LIMIT ?1)
