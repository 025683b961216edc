package relay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"
	"time"
)

// Forwarder is the guardian's side: it reads the requests of any number of workers, sends them to
// whom they are for, and keeps what cannot be sent yet. All methods are safe for concurrent use,
// but Run runs once at a time.
type Forwarder struct {
	cfg    Config
	queue  *queue
	damage damage

	spool    *spool     // nil without a directory
	spilling sync.Mutex // one writes to the spool at a time, or its bound would not hold
}

// New returns a Forwarder that already has what an earlier one left in the spool, in front of
// anything that will be read. It starts nothing. A spool that cannot be read is counted and logged
// and no error; a bad cfg is one.
func New(cfg Config) (*Forwarder, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Forwarder{cfg: cfg, queue: newQueue(cfg)}
	if cfg.SpoolDir != "" {
		f.spool = &spool{dir: cfg.SpoolDir, limit: cfg.MaxRequestBytes}
		f.restore()
	}
	return f, nil
}

// Close lets go of the spool directory. It is called when Run and every Read have returned.
func (f *Forwarder) Close() error {
	if f.spool == nil {
		return nil
	}
	return f.spool.close()
}

// drainTime is how long Read goes on after the end of its context: what a dead worker left in the
// pipe is there at once, and nobody waits for a grandchild that holds the other end open.
const drainTime = 100 * time.Millisecond

// Read takes the requests of one worker from r until its end, and then returns nil. What it has
// read is delivered by [Forwarder.Run], or by the next Forwarder if no Run comes any more. Garbage
// and damaged frames are counted and passed over: Read never stops reading because of them, since
// the worker would then wait for a full pipe.
//
// When ctx ends, an r with a SetReadDeadline method (a pipe, a connection) is read for another
// 100 ms and Read returns the cause of ctx; any other r is read to its end. An error of r is
// returned wrapped.
func (f *Forwarder) Read(ctx context.Context, r io.Reader) error {
	if d, ok := r.(interface{ SetReadDeadline(t time.Time) error }); ok {
		stop := context.AfterFunc(ctx, func() { _ = d.SetReadDeadline(time.Now().Add(drainTime)) })
		defer stop()
	}
	frames := frameReader{
		in: bufio.NewReaderSize(r, 64<<10), limit: f.cfg.MaxRequestBytes, kind: kindRequest, damage: &f.damage,
	}
	for {
		record, err := frames.next()
		switch {
		case err == nil:
			f.take(record)
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return fmt.Errorf("read requests of a worker: %w", err)
		}
	}
}

// take finds a place for a record: memory, else the spool.
func (f *Forwarder) take(record []byte) {
	req, err := parseRequest(record)
	if err != nil {
		f.damage.unknown.Add(1)
		return
	}
	f.queue.count(func(s *Stats) *uint64 { return &s.Received })
	e := &entry{
		received: f.queue.stamp(time.Now()), host: req.lane(), record: record, charge: int64(len(record)),
	}
	if !f.queue.admits(e.host) {
		f.lose("a request is dropped, too many hosts have some waiting", e)
		return
	}
	if f.queue.keep(e) {
		return
	}
	file := f.spill(e)
	if file == "" {
		f.lose("a request is dropped, memory and spool are full", e)
		return
	}
	f.queue.keepSpooled(&entry{received: e.received, host: e.host, file: file, charge: onDisk(len(record))})
	f.queue.count(func(s *Stats) *uint64 { return &s.Spooled })
}

func (f *Forwarder) lose(why string, e *entry) {
	n := f.queue.count(func(s *Stats) *uint64 { return &s.Lost })
	f.complain(n, why, "host", e.host)
}

// complain logs what happened for the n-th time when n is a power of two: a worker that floods the
// relay does not flood the log.
func (f *Forwarder) complain(n uint64, what string, args ...any) {
	if bits.OnesCount64(n) == 1 {
		f.cfg.Logger.Warn("relay: "+what, append(args, "so_far", n)...)
	}
}

// spill writes the record of e to the spool and returns the name of its file, or nothing if that
// failed.
func (f *Forwarder) spill(e *entry) string {
	if f.spool == nil {
		return ""
	}
	f.spilling.Lock()
	defer f.spilling.Unlock()
	evicted, ok := f.queue.makeRoom(onDisk(len(e.record)))
	for _, file := range evicted {
		f.discard(file)
	}
	if !ok {
		return ""
	}
	file, err := f.spool.put(e.received, e.record)
	if err != nil {
		f.spoolFailed(err)
	}
	return file
}

// discard removes a file of the spool. If that fails the request is sent again after a restart.
func (f *Forwarder) discard(file string) {
	if err := f.spool.remove(file); err != nil {
		f.spoolFailed(err)
	}
}

func (f *Forwarder) spoolFailed(err error) {
	n := f.queue.count(func(s *Stats) *uint64 { return &s.SpoolFailures })
	f.complain(n, "the spool fails: free the disk or set another directory", "error", err)
}

// restore queues what is in the spool, oldest first, and clears away what is damaged.
func (f *Forwarder) restore() {
	whole, cut, err := f.spool.list()
	if err != nil {
		f.spoolFailed(err)
	}
	for _, file := range cut {
		f.damage.cut.Add(1)
		f.discard(file)
	}
	for _, file := range whole {
		f.restoreFile(file)
	}
	evicted, _ := f.queue.makeRoom(0)
	for _, file := range evicted {
		f.discard(file)
	}
}

func (f *Forwarder) restoreFile(file string) {
	received, record, err := f.spool.get(file)
	if err != nil && !errors.Is(err, errNoFrame) {
		f.spoolFailed(err) // perhaps only now: the file stays
		return
	}
	var req request
	if err == nil {
		req, err = parseRequest(record)
	}
	if err != nil {
		f.damage.corrupt.Add(1)
		f.discard(file)
		return
	}
	host := req.lane()
	f.queue.count(func(s *Stats) *uint64 { return &s.Restored })
	if !f.queue.admits(host) {
		f.lose("a request is dropped, too many hosts have some waiting", &entry{host: host})
		f.discard(file)
		return
	}
	// A time in the future, after the clock was set back, would never expire.
	at := f.queue.stamp(time.Unix(0, min(received, time.Now().UnixNano())))
	f.queue.keepSpooled(&entry{received: at, host: host, file: file, charge: onDisk(len(record))})
}
