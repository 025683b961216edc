UPDATE theriac.notifier
SET holder = $1, led_at = clock_timestamp(), until = clock_timestamp() + $2::interval
WHERE holder = $1 OR until <= clock_timestamp()
