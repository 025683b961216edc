INSERT INTO theriac.suspect (crash_seq, key, subscription, message_id, id_cut, published_at, part, why, deaths)
SELECT $1, t.key, t.subscription, t.message_id, t.id_cut, t.published_at, t.part, t.why, t.deaths
FROM unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::boolean[], $6::bigint[], $7::bytea[], $8::bytea[], $9::bigint[])
    WITH ORDINALITY AS t (key, subscription, message_id, id_cut, published_at, part, why, deaths, place)
ORDER BY t.place
