INSERT INTO incident_person (number, person) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING
