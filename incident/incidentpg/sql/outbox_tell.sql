-- A notification's commit holds a lock that all others wait for, so it is a
-- transaction of its own which waits for no disk: if it is lost, a relay looks by itself.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('theriac_incident', '')
