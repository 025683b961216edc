SELECT s.n, c.ref, c.reported_at, s.subscription, s.message_id, s.id_cut, s.published_at, s.part, s.why, s.deaths,
       s.state, s.settled_at, s.identity
FROM theriac.suspect s
JOIN theriac.crash_report c ON c.seq = s.crash_seq
WHERE true /*filter*/
ORDER BY s.n
LIMIT $1
