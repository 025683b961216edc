SELECT count(*) FROM theriac.audit WHERE request >= $1 AND request < $2 AND request <> ''
