INSERT INTO theriac.notice (key, told, audit_told, told_at, state, trouble, trouble_at)
SELECT *
FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::bytea[], $7::timestamptz[])
ON CONFLICT (key) DO UPDATE SET told = excluded.told, audit_told = excluded.audit_told, told_at = excluded.told_at,
    state = excluded.state, trouble = excluded.trouble, trouble_at = excluded.trouble_at
