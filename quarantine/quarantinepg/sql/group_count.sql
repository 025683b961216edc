-- builds is null where no entry came; changes is how much of it people see.
UPDATE theriac.entry_group g
SET held = g.held + d.held, replaying = g.replaying + d.replaying,
    replayed = g.replayed + d.replayed, discarded = g.discarded + d.discarded,
    builds = coalesce(d.builds, g.builds),
    last_at = CASE WHEN d.builds IS NULL THEN g.last_at ELSE greatest(g.last_at, now()) END,
    changes = g.changes + d.changes,
    untold_since = CASE WHEN d.changes > 0 THEN coalesce(g.untold_since, now()) ELSE g.untold_since END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[])
    AS d (seq, held, replaying, replayed, discarded, builds, changes)
WHERE g.seq = d.seq
