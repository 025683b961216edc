SELECT e.seq, e.id, e.ref, e.identity, e.group_seq, g.ref AS group_ref, g.fingerprint, e.subscription, e.message_id,
       e.ordering_key, e.attributes, e.published_at, e.delivery_attempt, e.size, e.sha256, e.degraded, e.reason,
       e.confidence, e.evidence, e.failures, e.crashes, e.held_at, e.changed_at, e.state, e.version, e.decided_by,
       e.decided_via, e.decided_claimed, e.decided_at, e.decided_reason, e.replays, e.claim, e.alone
FROM entry e
JOIN entry_group g ON g.seq = e.group_seq
WHERE true /*filter*/
ORDER BY e.seq /*order*/
LIMIT ?1
