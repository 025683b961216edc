SELECT g.ref, g.fingerprint, g.subscription, g.title, g.place, g.reason, g.basis, g.builds,
       g.first_at, g.last_at, g.held, g.replaying, g.replayed, g.discarded
FROM theriac.entry_group g
WHERE g.held + g.replaying + g.replayed + g.discarded > 0 /*filter*/
ORDER BY g.held > 0 DESC, g.last_at DESC, g.seq DESC
LIMIT $1
