-- The time is taken when the lock is had: rows of the act before are not in its future.
WITH one AS (SELECT version FROM theriac.control_version WHERE id = 1 FOR UPDATE)
SELECT version, clock_timestamp() AS at FROM one
