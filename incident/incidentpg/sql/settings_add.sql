INSERT INTO theriac.settings (version, document, saved_by, saved_at)
SELECT $1::bigint + 1, $2, $3, now() WHERE coalesce((SELECT max(version) FROM theriac.settings), 0) = $1
