INSERT INTO entry_group (seq, ref, fingerprint, subscription, title, place, reason, basis, builds, first_at, last_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, x'', ?9, ?9)
