package guardian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// ErrNoWard is returned by [Role.RunAlone] where nothing ran: there is no guardian, the role has no
// wards, or none can be started. In the last case the text says why.
var ErrNoWard = errors.New("guardian: no ward")

// AloneRequest is a run in a ward.
type AloneRequest struct {
	// Subscription is the stream whose message runs; deaths are counted by it.
	Subscription string
	// Fresh asks for a ward process that ran nothing before.
	Fresh bool
	// Limit is how long the ward may take before it is ended as hung. 0 or less: a minute.
	Limit time.Duration
	// Body is what the ward is given; nothing here looks into it. At most 80 MiB.
	Body []byte
}

// AloneAnswer is what came of a run in a ward.
type AloneAnswer struct {
	// Body is what the ward answered, nil if it died.
	Body []byte
	// Fresh: the process had run nothing before.
	Fresh bool
	// Death is set if the ward died.
	Death *AloneDeath
}

// AloneDeath is the death of a ward.
type AloneDeath struct {
	// Record is the id of the crash record, "" if it could not be kept.
	Record string `json:"record"`
	// Charged: the death counts for the message. Else the guardian or the platform caused it.
	Charged bool `json:"charged"`
	// Hung: the message was past its limit.
	Hung bool `json:"hung"`
	// Started is when the message began in the ward, zero if it did not.
	Started time.Time `json:"started"`
	// Died is when the ward was found dead.
	Died time.Time `json:"died"`
	// Exit, Kind, Tier and Reason are those of the crash record; Text is what the runtime said first.
	Exit   string `json:"exit"`
	Kind   string `json:"kind"`
	Tier   string `json:"tier"`
	Reason string `json:"reason"`
	Text   string `json:"text"`
	// Stack is the beginning of the trace of the goroutine that died or hung.
	Stack string `json:"stack"`
}

// RunAlone has a ward run a message, and waits for what comes of it. Wards are taken in the order of
// asking. An error wraps [ErrNoWard], or is ctx's: then the run may still take place and its answer is
// dropped. It is safe for concurrent use.
func (r Role) RunAlone(ctx context.Context, req AloneRequest) (AloneAnswer, error) {
	if r.line == nil || r.Ward {
		return AloneAnswer{}, ErrNoWard
	}
	return r.line.run(ctx, req)
}

// Wards is how many messages can run alone at once, 0 without a guardian.
func (r Role) Wards() int { return r.wards }

// ServeAlone is a ward's work: it calls f with each message that is to run, one after another, and
// sends its answer back, until ctx ends. ok says that the message succeeded; spent that something of it
// still runs, so that the ward is replaced before the next. It says [Role.Ready] itself.
func (r Role) ServeAlone(ctx context.Context, f func(ctx context.Context, body []byte) (answer []byte, ok, spent bool)) error {
	if r.line == nil || !r.Ward {
		return fmt.Errorf("guardian: role %s is no ward", r.Name)
	}
	stop := context.AfterFunc(ctx, func() { _ = r.line.conn.Close() })
	defer stop()
	r.Ready()
	for {
		frame, err := readLine(r.line.conn)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("guardian: the line of this ward: %w", err)
		case frame.kind != lineRun:
			return errFrame
		}
		body, ok, spent := f(ctx, frame.body)
		if frame, err = newLineFrame(lineAnswer, frame.run, answerHead{OK: ok, Spent: spent}, body); err != nil {
			return err
		}
		if err := r.line.write(frame); err != nil {
			return fmt.Errorf("guardian: the line of this ward: %w", err)
		}
	}
}

// line is a child's end of its ward line.
type line struct {
	conn    net.Conn
	writing sync.Mutex

	mu      sync.Mutex
	last    uint32
	waiting map[uint32]chan<- lineFrame
	closed  bool
	readers runner.Group // ends with the process
}

func newLine(conn net.Conn) *line {
	return &line{conn: conn, waiting: make(map[uint32]chan<- lineFrame)}
}

func (l *line) write(f lineFrame) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return f.write(l.conn)
}

// listen brings answers to those who wait, until the guardian is gone.
func (l *line) listen() {
	l.readers.Go(func() {
		for {
			f, err := readLine(l.conn)
			if err != nil {
				l.close()
				return
			}
			if answer := l.take(f.run); answer != nil {
				answer <- f
			}
		}
	})
}

func (l *line) take(run uint32) chan<- lineFrame {
	l.mu.Lock()
	defer l.mu.Unlock()
	answer := l.waiting[run]
	delete(l.waiting, run)
	return answer
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for run, answer := range l.waiting {
		close(answer)
		delete(l.waiting, run)
	}
}

func (l *line) wait() (uint32, <-chan lineFrame, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, nil, fmt.Errorf("%w: the guardian is gone", ErrNoWard)
	}
	l.last++
	answer := make(chan lineFrame, 1)
	l.waiting[l.last] = answer
	return l.last, answer, nil
}

func (l *line) run(ctx context.Context, req AloneRequest) (AloneAnswer, error) {
	run, answer, err := l.wait()
	if err != nil {
		return AloneAnswer{}, err
	}
	f, err := newLineFrame(lineRun, run, runHead{Subscription: req.Subscription, Fresh: req.Fresh, Limit: req.Limit}, req.Body)
	if err == nil {
		err = l.write(f)
	}
	if err != nil {
		l.take(run)
		return AloneAnswer{}, fmt.Errorf("%w: %w", ErrNoWard, err)
	}
	select {
	case f, ok := <-answer:
		if !ok {
			return AloneAnswer{}, fmt.Errorf("%w: the guardian is gone", ErrNoWard)
		}
		return f.answer()
	case <-ctx.Done():
		l.take(run)
		return AloneAnswer{}, ctx.Err()
	}
}

// answer reads what the guardian says of a run.
func (f lineFrame) answer() (a AloneAnswer, err error) {
	switch f.kind {
	case lineAnswer:
		var head answerHead
		err = json.Unmarshal(f.head, &head)
		return AloneAnswer{Body: f.body, Fresh: head.Fresh}, err
	case lineDied:
		var death diedHead
		err = json.Unmarshal(f.head, &death)
		return AloneAnswer{Fresh: death.Fresh, Death: &death.AloneDeath}, err
	case lineRefused:
		var head refusedHead
		if err = json.Unmarshal(f.head, &head); err == nil {
			err = fmt.Errorf("%w: %s", ErrNoWard, head.Why)
		}
		return a, err
	default:
		return a, errFrame
	}
}

// diedHead is the head of a lineDied.
type diedHead struct {
	AloneDeath
	Fresh bool `json:"fresh"`
}
