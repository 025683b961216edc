package incidentd

// unowned starts a goroutine that nobody waits for and whose panic nobody recovers: what the demo's
// service does wrong.
func unowned(f func()) { go f() }
