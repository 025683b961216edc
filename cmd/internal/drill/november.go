package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

const (
	novemberReplicas = 3
	// novemberEvery is the pause between two ordinary messages, novemberWork how long each works.
	novemberEvery = 50 * time.Millisecond
	novemberWork  = 300 * time.Millisecond
	// calm is how long the service runs undisturbed before the poison, and after.
	calm = 2 * time.Second
)

func newNovemberCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &options{environ: environ}
	c := &cobra.Command{
		Use:   "november",
		Short: "Replay the incident that this is for, and report",
		Long: `On 18 November 2022 one Pub/Sub message took a service down for 13 minutes: its handler panicked in a
goroutine of its own, the process died, the broker delivered it again, and so every replica died, again
and again. Replay that: three replicas, web traffic against each, ordinary messages all the time, and
one such message. It ends with one page for the write-up of a game day.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.note(c)
			return o.november(c.Context(), t)
		},
	}
	o.addCommon(c)
	return c
}

// replay is the founding incident, replayed.
type replay struct {
	result
	Seed     uint64      `json:"seed"`
	Build    string      `json:"build"`
	Host     host        `json:"host"`
	Timeline []happening `json:"timeline"`
	// Published and Done count the ordinary messages and the poison.
	Published int    `json:"published"`
	Done      int    `json:"done"`
	Ref       string `json:"ref,omitempty"`
	MessageID string `json:"message_id"`
	Title     string `json:"title,omitempty"`
	StackText string `json:"stack_text,omitempty"`
	webDied   int
}

// happening is one line of the timeline.
type happening struct {
	AfterMS int64  `json:"after_ms"` // after the first delivery of the poison
	Text    string `json:"text"`
}

func (o *options) november(ctx context.Context, t *cli.Tool) error {
	return o.onEngines(ctx, t, "the replay", func(d *drill, engine string) (finding, error) {
		r, err := d.november(ctx, engine)
		r.Seed = o.seed
		return finding{r.Problems, func() error { return o.showNovember(t, r) }}, err
	})
}

func (d *drill) november(ctx context.Context, engine string) (_ replay, err error) {
	way, _ := replica.Find("child-panic")
	r := row{way: way, replicas: novemberReplicas, engine: engine, run: 1}
	began := time.Now()
	site, err := openSite(ctx, layout{
		engine: d.engines[engine], executable: d.executable, environ: d.environ, replicas: r.replicas, spec: specFor(way),
	})
	if err != nil {
		return replay{}, err
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	e := evidence{row: r}
	err = site.playNovember(limited, &e)
	if ctx.Err() != nil {
		return replay{}, errors.Join(ctx.Err(), site.close(), site.remove())
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errLate) {
		err = nil
	}
	e.web = site.traffic.end()
	err = errors.Join(err, site.collect(context.WithoutCancel(ctx), &e), site.close())
	if err == nil {
		e.deathsOf, err = countDeaths(site.replicaDirs())
	}
	if err != nil {
		return replay{}, errors.Join(err, site.remove())
	}
	e.wall = time.Since(began)
	told := e.retell()
	if d.keep && !told.Passed {
		told.KeptIn = site.dir
		return told, nil
	}
	return told, site.remove()
}

// playNovember has ordinary messages come all the time, and among them the poison.
func (s *site) playNovember(ctx context.Context, e *evidence) error {
	s.ledger.command(replica.Order{Work: novemberWork})
	s.ledger.release()
	ordinary, stop := context.WithCancel(ctx)
	defer stop()
	return runner.Run(ctx,
		func(context.Context) error { return s.publishOrdinary(ordinary) },
		func(ctx context.Context) error {
			defer stop()
			if err := rest(ctx, calm); err != nil {
				return err
			}
			e.row.inFlight = s.unfinished()
			if err := s.publish(ctx, replica.Payload{Key: poisonKey, Way: e.row.way.Name}); err != nil {
				return err
			}
			if err := s.awaitHeld(ctx); err != nil {
				return err
			}
			if err := rest(ctx, calm); err != nil {
				return err
			}
			stop()
			return s.awaitEnd(ctx, e.row, e)
		})
}

// publishOrdinary publishes good messages until ctx ends.
func (s *site) publishOrdinary(ctx context.Context) error {
	pace := time.NewTicker(novemberEvery)
	defer pace.Stop()
	for i := 0; ; i++ {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil
		}
		if err := s.publish(ctx, replica.Payload{Key: fmt.Sprintf("good-%d", i+1)}); err != nil {
			return err
		}
	}
}

// unfinished is how many messages are published and not done.
func (s *site) unfinished() int { return len(s.ids()) - len(s.ledger.facts().commits) }

// awaitHeld waits until the poison is in quarantine.
func (s *site) awaitHeld(ctx context.Context) error {
	for {
		entries, err := s.entries(ctx)
		if held := (evidence{entries: entries}).held(poisonKey); err == nil && held {
			return nil
		}
		if err := rest(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// rest waits for d and returns ctx's error if it ends before.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// retell makes the report of a replay.
func (e evidence) retell() replay {
	r := replay{result: judge(e), Host: thisHost(), MessageID: e.published[poisonKey], Published: len(e.published), Done: len(e.commits)}
	r.Build = newSpec().Build
	r.webDied = e.deathsOf[replica.RoleWeb]
	if entry, held := e.entry(); held {
		r.Ref, r.Title = entry.Ref, entry.Title
	}
	if death, died := e.firstDeath(); died {
		r.StackText = death.Text + "\n\n" + death.Stack
	}
	r.Timeline = e.timeline()
	return r
}

// timeline is what happened since the first delivery of the poison.
func (e evidence) timeline() (events []happening) {
	runs := e.of(poisonKey)
	if len(runs) == 0 {
		return nil
	}
	start := runs[0].began
	at := func(t time.Time, format string, args ...any) {
		events = append(events, happening{t.Sub(start).Milliseconds(), fmt.Sprintf(format, args...)})
	}
	at(start, "the message is delivered, to replica %d", runs[0].Replica)
	for _, c := range e.deaths() {
		if c.Alone {
			at(c.Died, "the ward dies with it: %s; that is proof", c.Exit)
			continue
		}
		at(c.Died, "the %s of replica %d dies: %s, %s", c.Role, e.replicaOf(c), c.Exit, c.Text)
	}
	for _, r := range runs[1:] {
		at(r.began, "the message runs alone in a %s", r.Role)
	}
	for _, h := range e.hellos {
		if h.Role == replica.RoleWorker && h.at.After(start) {
			at(h.at, "replica %d works again", h.Replica)
		}
	}
	if entry, held := e.entry(); held {
		at(entry.HeldAt, "it is in quarantine as %s, and acknowledged", entry.Ref)
	}
	sortEvents(events)
	return events
}

// replicaOf is where a process ran.
func (e evidence) replicaOf(c handlers.Crash) int {
	for _, r := range e.runs {
		if r.PID == c.PID {
			return r.Replica
		}
	}
	return 0
}
