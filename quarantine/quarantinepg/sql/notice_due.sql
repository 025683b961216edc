SELECT seq FROM theriac.entry_group WHERE untold_since IS NOT NULL ORDER BY untold_since, seq LIMIT $1
