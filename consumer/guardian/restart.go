package guardian

import "time"

// restarts decides when a role that died is started again. It counts deaths before ready: a role that
// served and then died costs the least when it is back at once. One that dies as soon as it is ready,
// again and again and of no message, is no better than one that is never ready: what it costs the others
// is bounded.
type restarts struct {
	pause, most time.Duration
	unready     int // deaths in a row, before ready
	futile      int // deaths in a row, by itself, of no message and soon after the start
}

const (
	// soon is how short a life is that served nobody.
	soon = time.Second
	// maxFutile is how many of these in a row are followed by a start at once.
	maxFutile = 32
)

// futileDeath notes a death after ready and returns the pause before the next start. One that was killed
// did not die by itself.
func (r *restarts) futileDeath(lived time.Duration, byItselfOfNoMessage bool) time.Duration {
	if lived >= soon || !byItselfOfNoMessage {
		r.futile = 0
		return 0
	}
	if r.futile++; r.futile <= maxFutile {
		return 0
	}
	return r.pause
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
