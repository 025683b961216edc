SELECT seq FROM entry_group WHERE untold_since <> 0 ORDER BY untold_since, seq LIMIT ?1
