INSERT INTO incident (id, version, seq, status, severity, type, mode, visibility, merged_into, created_at, updated_at, ended_at,
    page_due_at, nudge_due_at, has_channel, search, brief, doc)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
ON CONFLICT (id) DO NOTHING
RETURNING number
