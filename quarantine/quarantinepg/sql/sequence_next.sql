SELECT nextval($1::text::regclass) AS number, now() AS at
FROM generate_series(1, $2::bigint)
