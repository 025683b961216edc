UPDATE entry SET state = ?2, version = ?3, changed_at = ?4, replays = ?5, claim = ?6,
    decided_by = ?7, decided_via = ?8, decided_claimed = ?9, decided_at = ?10, decided_reason = ?11, alone = ?12
WHERE seq = ?1
