SELECT seq FROM entry_group WHERE ref = ?1
