UPDATE theriac.message SET attempts = attempts + 1 WHERE identity = $1 RETURNING attempts
