INSERT INTO incident_key (key, number) SELECT value, ?1 FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING
