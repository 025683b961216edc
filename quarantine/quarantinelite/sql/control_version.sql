SELECT version FROM control_version WHERE id = 1
