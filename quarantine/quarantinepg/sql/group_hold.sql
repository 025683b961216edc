UPDATE theriac.entry_group SET held = held + $2, builds = $3, last_at = now() WHERE seq = $1
