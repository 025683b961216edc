SELECT count(*) FROM (SELECT 1 FROM theriac.entry e WHERE true /*filter*/ LIMIT $1) AS matches
