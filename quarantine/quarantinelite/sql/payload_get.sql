SELECT data FROM payload WHERE entry_seq = ?1
