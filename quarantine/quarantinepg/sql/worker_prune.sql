DELETE FROM theriac.worker WHERE ended <> '' AND heard_at < now() - interval '7 days'
