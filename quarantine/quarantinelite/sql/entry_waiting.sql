SELECT DISTINCT subscription FROM entry WHERE state = 'replaying' AND claim = '' ORDER BY subscription
