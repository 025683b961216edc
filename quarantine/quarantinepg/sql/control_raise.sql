UPDATE theriac.control_version SET version = $1 WHERE id = 1
