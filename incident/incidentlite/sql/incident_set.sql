UPDATE incident SET version = ?2, seq = ?3, status = ?4, severity = ?5, type = ?6, mode = ?7, visibility = ?8,
    merged_into = ?9, created_at = ?10, updated_at = ?11, ended_at = ?12, page_due_at = ?13, nudge_due_at = ?14,
    has_channel = ?15, search = ?16, brief = ?17, doc = ?18
WHERE id = ?1
