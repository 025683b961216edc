package guardian

import "time"

// restarts decides when a role that died is started again. It counts deaths before ready only: a
// role that served and then died costs the least when it is back at once.
type restarts struct {
	pause, most time.Duration
	unready     int // deaths in a row, before ready
}

// died notes a death and returns the pause before the next start.
func (r *restarts) died(wasReady bool) time.Duration {
	if wasReady {
		r.unready = 0
		return 0
	}
	r.unready++
	if r.unready == 1 {
		return 0
	}
	pause := r.pause
	for range r.unready - 2 {
		if pause *= 2; pause >= r.most {
			return r.most
		}
	}
	return pause
}
