SELECT DISTINCT subscription FROM theriac.entry WHERE state = 'replaying' AND claim = '' ORDER BY subscription
