-- Who would lead next waits for the end of this transaction.
SELECT holder, until > clock_timestamp() AS leads, clock_timestamp() AS at
FROM theriac.notifier
FOR NO KEY UPDATE
