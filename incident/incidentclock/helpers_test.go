package incidentclock_test

import "time"

// pass lets time go by in a bubble of synctest.
func pass(d time.Duration) { <-time.After(d) }
