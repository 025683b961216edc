-- Poolers refuse most settings at the start of a connection, so they come here.
-- Who stored something answers the world next: a default that may lose commits is
-- turned on, a stricter one stays. Compiling a plan takes longer than any statement of ours.
SELECT set_config('statement_timeout', $1, false),
       set_config('idle_in_transaction_session_timeout', $2, false),
       set_config('jit', 'off', false),
       set_config('enable_seqscan', $3, false),
       set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)
