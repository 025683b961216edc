SELECT version, now() AS at FROM theriac.control_version WHERE id = 1
