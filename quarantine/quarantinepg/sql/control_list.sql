SELECT subscription, level, set_by, set_via, set_claimed, set_at, set_reason, until, version
FROM theriac.control
ORDER BY subscription
