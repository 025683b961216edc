INSERT INTO theriac.payload (entry_seq, data) SELECT t.seq, t.data FROM unnest($1::bigint[], $2::bytea[]) AS t (seq, data)
