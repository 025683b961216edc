UPDATE theriac.entry_group g SET untold_since = d.since
FROM unnest($1::bigint[], $2::timestamptz[]) AS d (seq, since)
WHERE g.seq = d.seq
