SELECT data FROM theriac.payload WHERE entry_seq = $1
