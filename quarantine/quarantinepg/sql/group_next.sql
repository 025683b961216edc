SELECT nextval('theriac.group_seq') FROM generate_series(1, $1::integer)
