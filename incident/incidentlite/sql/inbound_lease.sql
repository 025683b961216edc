UPDATE inbound SET lease_until = ?1 WHERE n IN (SELECT value FROM json_each(?2))
