INSERT INTO incident_field (number, field, value)
SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2) WHERE true
ON CONFLICT DO NOTHING
