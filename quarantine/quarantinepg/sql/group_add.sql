INSERT INTO theriac.entry_group (seq, ref, fingerprint, subscription, title, place, reason, basis, builds)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::bytea[], $9::bytea[])
ON CONFLICT (fingerprint) DO NOTHING
