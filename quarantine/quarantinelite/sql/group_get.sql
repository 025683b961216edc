SELECT seq, ref, builds FROM entry_group WHERE fingerprint = ?1
