-- The newest of a group, by the index that has the state before the number.
SELECT coalesce(max(seq), 0) FROM (
    SELECT max(seq) AS seq FROM entry WHERE group_seq = ?1 AND state = 'held'
    UNION ALL SELECT max(seq) FROM entry WHERE group_seq = ?1 AND state = 'replaying'
    UNION ALL SELECT max(seq) FROM entry WHERE group_seq = ?1 AND state = 'replayed'
    UNION ALL SELECT max(seq) FROM entry WHERE group_seq = ?1 AND state = 'discarded')
