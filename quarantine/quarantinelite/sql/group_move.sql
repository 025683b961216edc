UPDATE entry_group SET
    held      = held      + (?3 = 'held')      - (?2 = 'held'),
    replaying = replaying + (?3 = 'replaying') - (?2 = 'replaying'),
    replayed  = replayed  + (?3 = 'replayed')  - (?2 = 'replayed'),
    discarded = discarded + (?3 = 'discarded') - (?2 = 'discarded'),
    changes = changes + 1,
    untold_since = CASE untold_since WHEN 0 THEN ?4 ELSE untold_since END
WHERE seq = ?1
