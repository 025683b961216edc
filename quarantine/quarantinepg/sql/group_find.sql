SELECT seq FROM theriac.entry_group WHERE fingerprint = $1
