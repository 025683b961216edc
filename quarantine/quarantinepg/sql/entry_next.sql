SELECT nextval('theriac.entry_seq') FROM generate_series(1, $1::integer)
