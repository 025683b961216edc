INSERT INTO theriac.payload (entry_seq, data)
SELECT * FROM unnest($1::bigint[], $2::bytea[])
