SELECT g.seq, g.ref, g.fingerprint, g.subscription, g.title, g.place, g.reason, g.basis, g.builds,
       g.first_at, g.last_at, g.held, g.replaying, g.replayed, g.discarded, g.changes, g.untold_since, g.version,
       g.taken_by, g.taken_via, g.taken_claimed, g.taken_at, g.taken_reason, g.snoozed_until,
       g.acted_by, g.acted_via, g.acted_claimed, g.acted_at, g.acted_reason
FROM entry_group g
WHERE true /*filter*/
ORDER BY g.held > 0 DESC, g.last_at DESC, g.seq DESC
LIMIT ?1
