package replica

// unowned starts a goroutine that nobody waits for and whose panic nobody recovers: what drills are
// about.
func unowned(f func()) { go f() }
