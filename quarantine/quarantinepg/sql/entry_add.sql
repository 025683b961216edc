INSERT INTO theriac.entry (
    seq, id, ref, identity, group_seq, subscription, message_id, ordering_key, attributes,
    published_at, delivery_attempt, size, sha256, degraded, reason, confidence, evidence,
    build, place, search, failures, crashes)
SELECT *
FROM unnest(
    $1::bigint[], $2::uuid[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::bytea[], $9::bytea[],
    $10::bigint[], $11::bigint[], $12::bigint[], $13::bytea[], $14::boolean[], $15::text[], $16::text[], $17::bytea[],
    $18::text[], $19::text[], $20::text[], $21::bigint[], $22::bigint[])
