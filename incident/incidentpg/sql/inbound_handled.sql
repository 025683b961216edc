-- What was handled by who stored it need not be published any more.
WITH found AS (
    SELECT digest FROM theriac.inbound WHERE digest = sha256($1::bytea)
), noted AS (
    UPDATE theriac.inbound i SET handled_at = now(), result = $2 FROM found f WHERE i.digest = f.digest AND i.handled_at IS NULL
), done AS (
    DELETE FROM theriac.incident_outbox o USING found f WHERE o.inbound = f.digest
)
SELECT count(*) FROM found
