package relay

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// entry is one request that waits, in memory or in the spool.
type entry struct {
	received int64  // nanoseconds since 1970, and unique: it is also the order
	host     string // scheme and host
	record   []byte // nil when it lies in the spool
	file     string // its name there, else empty
	charge   int64  // bytes in memory, or blocks of the spool
	answers  int    // that asked for another try, since it stepped aside
	silences int    // tries without an answer, since it stepped aside
	answered bool   // so, once
	seen     uint64 // what its lane had delivered by then
	sending  bool
}

// lane is the line of requests for one host, oldest first. Only its server touches failures and
// delivered.
type lane struct {
	host     string
	entries  []*entry
	memory   usage
	serving  bool
	failures int
	// delivered counts.
	delivered uint64
	problem   string
	next      time.Time // of the next try, while it waits
}

type usage struct {
	requests int
	bytes    int64
}

func (u *usage) add(charge int64) { u.requests++; u.bytes += charge }
func (u *usage) sub(charge int64) { u.requests--; u.bytes -= charge }

func (u usage) takes(charge int64, requests int, bytes int64) bool {
	return u.requests < requests && u.bytes+charge <= bytes
}

// queue holds the lanes, and the numbers of a Forwarder, under one lock that is never held while
// anything is sent, read or written.
type queue struct {
	cfg  Config
	wake chan struct{} // has room for one: some lane needs a server

	mu      sync.Mutex
	lanes   map[string]*lane
	memory  usage
	disk    usage
	last    int64
	stopped bool // nobody serves any more: everything goes to the spool
	stats   Stats
}

func newQueue(cfg Config) *queue {
	return &queue{cfg: cfg, wake: make(chan struct{}, 1), lanes: map[string]*lane{}}
}

// count adds one to a number and returns it.
func (q *queue) count(number func(s *Stats) *uint64) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := number(&q.stats)
	*n++
	return *n
}

// stamp returns the time, made unique.
func (q *queue) stamp(now time.Time) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(now.UnixNano(), q.last+1)
	return q.last
}

// keep appends e to its lane in memory and reports whether there was room. A host may take half of
// the memory, so that one that is down leaves some for the others.
func (q *queue) keep(e *entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	half := q.lane(e.host).memory
	if q.stopped || !q.memory.takes(e.charge, q.cfg.MemoryRequests, q.cfg.MemoryBytes) ||
		!half.takes(e.charge, q.cfg.MemoryRequests/2, q.cfg.MemoryBytes/2) {
		return false
	}
	q.append(e)
	return true
}

// admits reports whether a request for host may wait: the number of hosts is bounded.
func (q *queue) admits(host string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lanes[host] != nil || len(q.lanes) < q.cfg.MaxHosts
}

// keepSpooled appends e, whose file is written, to its lane.
func (q *queue) keepSpooled(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.append(e)
}

// lane returns the lane of a host, a new one is not in the map until it has an entry.
func (q *queue) lane(host string) *lane {
	if l := q.lanes[host]; l != nil {
		return l
	}
	return &lane{host: host}
}

func (q *queue) append(e *entry) {
	l := q.lane(e.host)
	q.lanes[e.host] = l
	l.entries = append(l.entries, e)
	q.charge(l, e)
	if !l.serving {
		q.signal()
	}
}

func (q *queue) charge(l *lane, e *entry) {
	if e.file != "" {
		q.disk.add(e.charge)
		return
	}
	q.memory.add(e.charge)
	l.memory.add(e.charge)
}

func (q *queue) discharge(l *lane, e *entry) {
	if e.file != "" {
		q.disk.sub(e.charge)
		return
	}
	q.memory.sub(e.charge)
	l.memory.sub(e.charge)
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// unserved returns the lanes that need a server, and marks them as having one.
func (q *queue) unserved() []*lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	var found []*lane
	for _, l := range q.lanes {
		if !l.serving {
			l.serving = true
			found = append(found, l)
		}
	}
	return found
}

// head returns the oldest entry of l, which is then being sent. An empty lane is taken away and its
// server told to end by a nil.
func (q *queue) head(l *lane) *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.entries) == 0 {
		delete(q.lanes, l.host)
		return nil
	}
	l.entries[0].sending = true
	return l.entries[0]
}

// release leaves the head of l where it is, and says why and until when.
func (q *queue) release(l *lane, problem string, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.entries[0].sending = false
	l.problem, l.next = problem, next
}

// stepAside puts the head of l at the end of the line.
func (q *queue) stepAside(l *lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.entries = append(l.entries[1:], l.entries[0])
}

// finish takes e out of its lane and adds one to a number in the same moment, so that the numbers
// always add up. It returns that number.
func (q *queue) finish(l *lane, e *entry, number func(s *Stats) *uint64) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.take(l, e)
	l.problem, l.next = "", time.Time{}
	n := number(&q.stats)
	*n++
	return *n
}

func (q *queue) take(l *lane, e *entry) {
	if i := slices.Index(l.entries, e); i >= 0 {
		l.entries = slices.Delete(l.entries, i, i+1)
		q.discharge(l, e)
	}
}

// makeRoom takes entries out of the spool until charge more bytes fit, and returns the names of their
// files: each time the oldest of the host that has most there, so that one that is down and gets much
// costs the others nothing. It reports false if what is being sent leaves no room.
func (q *queue) makeRoom(charge int64) (files []string, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.disk.bytes+charge > q.cfg.SpoolBytes {
		l, e := q.oldestSpooled()
		if e == nil {
			return files, false
		}
		q.take(l, e)
		q.stats.Evicted++
		files = append(files, e.file)
	}
	return files, true
}

func (q *queue) oldestSpooled() (from *lane, oldest *entry) {
	most := int64(0)
	for _, l := range q.lanes {
		var first *entry
		var bytes int64
		for _, e := range l.entries {
			if e.file == "" {
				continue
			}
			bytes += e.charge
			if !e.sending && (first == nil || e.received < first.received) {
				first = e
			}
		}
		if first != nil && bytes > most {
			most, from, oldest = bytes, l, first
		}
	}
	return from, oldest
}

// start says that lanes are served from now on.
func (q *queue) start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = false
	q.signal()
}

// stop says that nobody serves lanes any more, and returns what is in memory, oldest first.
func (q *queue) stop() []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	var left []*entry
	for _, l := range q.lanes {
		l.serving = false
		for _, e := range l.entries {
			e.sending = false
			if e.file == "" {
				left = append(left, e)
			}
		}
	}
	slices.SortFunc(left, func(a, b *entry) int { return cmp.Compare(a.received, b.received) })
	return left
}

// moved says that e, which was in memory, lies in a file now. With no file it is lost.
func (q *queue) moved(e *entry, file string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lane(e.host)
	if file == "" {
		q.take(l, e)
		q.stats.Lost++
		return
	}
	q.discharge(l, e)
	e.charge, e.file, e.record = onDisk(len(e.record)), file, nil
	q.charge(l, e)
	q.stats.Spooled++
}
