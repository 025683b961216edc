SELECT seq, builds FROM entry_group WHERE fingerprint = ?1
