SELECT seq FROM theriac.entry_group WHERE ref = $1
