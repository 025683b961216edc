package guardian_test

// nobodyRecovers runs f in a goroutine of its own, as handlers do that do not know better. It is
// what this package is about, so no owner is wanted.
func nobodyRecovers(f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done) // not deferred: a deferred call runs before the death, and whoever waits could exit first
	}()
	<-done
}
