-- The server asks after a silent client for 20 s only, so that the lock of a
-- machine that fell off the network is free soon.
SELECT set_config('tcp_keepalives_idle', '5', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false)
