DELETE FROM theriac.control WHERE subscription = $1 OR until <= $2
