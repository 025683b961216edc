SELECT EXISTS (SELECT 1 FROM theriac.audit WHERE request = $1 AND request <> '')
