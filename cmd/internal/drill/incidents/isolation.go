package incidents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

const (
	// isolationRate is how many are declared a second in a round, isolationFor how long that goes on.
	isolationRate = 10
	isolationFor  = 10 * time.Second
	// crashEvery is how often the non-critical worker is killed, and crashesFirst how often before a round
	// begins: it is a crash loop then.
	crashEvery   = 300 * time.Millisecond
	crashesFirst = 5
	// ratioWithin is what trouble may cost.
	ratioWithin = 1.1
	// owing is how many incidents lack lead and severity in a round with trouble, and for how long. Every
	// second one is over before anybody can be reminded of it.
	owing    = 40
	owingFor = 40 * time.Minute
	// remindPatience is how long after the trouble a reminder is waited for that is due still: a worker in
	// safe mode rests for a minute, and its guardian waits up to half a minute before that.
	remindPatience = 4 * time.Minute
)

// isolationResult is what drill incidents isolation came to.
type isolationResult struct {
	facts
	// Nudges is how many reminders wait in a round with trouble, Crashes how often the worker was killed.
	Nudges  int `json:"nudges"`
	Crashes int `json:"crashes"`
	// Calm, Crashing and Shed are rounds by turns; a cost is the median of what each round took by what the
	// calm one beside it took.
	Calm         rounds `json:"calm"`
	Crashing     rounds `json:"crashing"`
	Shed         rounds `json:"shed"`
	CrashingCost cost   `json:"crashing_cost"`
	ShedCost     cost   `json:"shed_cost"`
	// Sent is how many reminders came after the trouble, Missing how many incidents were not reminded of
	// although they lack something still, Stale how many reminders came of what is over.
	Sent    int `json:"sent"`
	Missing int `json:"missing"`
	Stale   int `json:"stale"`
}

// rounds are the medians of each round, in milliseconds.
type rounds struct {
	Declare []float64 `json:"declare_p50_ms"`
	Page    []float64 `json:"page_p50_ms"`
}

// cost is how many times as long something takes.
type cost struct {
	Declare float64 `json:"declare"`
	Page    float64 `json:"page"`
}

// over returns the median of the quotients of rounds that ran beside each other.
func (r rounds) over(calm rounds) cost {
	quotients := func(a, b []float64) float64 {
		var all []float64
		for i := range a {
			all = append(all, a[i]/b[i])
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return cost{Declare: quotients(r.Declare, calm.Declare), Page: quotients(r.Page, calm.Page)}
}

func (o *options) isolation(ctx context.Context, on databases) (*isolationResult, error) {
	r := &isolationResult{Nudges: o.nudges}
	r.Drill = "isolation"
	err := o.on(ctx, on, layout{allowance: unlimited}, &r.facts, func(s *site) error { return s.isolate(ctx, o, r) })
	return r, err
}

// isolate runs rounds by turns, each time beginning with another kind.
func (s *site) isolate(ctx context.Context, o *options, r *isolationResult) error {
	kinds := []func(name string) error{
		func(name string) error { return s.calm(ctx, "calm-"+name, o, &r.Calm) },
		func(name string) error { return s.troubled(ctx, "crashing-"+name, o, s.whileCrashing, &r.Crashing, r) },
		func(name string) error { return s.troubled(ctx, "shed-"+name, o, s.whileShed, &r.Shed, r) },
	}
	for n := range o.rounds {
		for i := range kinds {
			if err := kinds[(n+i)%len(kinds)](fmt.Sprint(n + 1)); err != nil {
				return err
			}
		}
	}
	r.CrashingCost, r.ShedCost = r.Crashing.over(r.Calm), r.Shed.over(r.Calm)
	for name, c := range map[string]cost{"crashing": r.CrashingCost, "shed": r.ShedCost} {
		r.check(c.Declare <= ratioWithin, "%s: declaring takes %.2f times as long, at most %.1f", name, c.Declare, ratioWithin)
		r.check(c.Page <= ratioWithin, "%s: paging takes %.2f times as long, at most %.1f", name, c.Page, ratioWithin)
	}
	r.check(r.Stale == 0, "%d reminders were sent of what is over", r.Stale)
	r.check(r.Missing == 0, "%d incidents were not reminded of", r.Missing)
	r.check(r.Sent > 0 && r.Crashes > 0, "%d crashes, %d reminders: nothing was tried", r.Crashes, r.Sent)
	return nil
}

func (s *site) calm(ctx context.Context, name string, o *options, into *rounds) error {
	if err := s.awaitQuiet(ctx, o.timeout); err != nil {
		return err
	}
	return s.round(ctx, name, into)
}

// troubled is a round during which reminders wait, and what becomes of them afterwards.
func (s *site) troubled(
	ctx context.Context, name string, o *options,
	while func(ctx context.Context, r *isolationResult, during func(context.Context) error) error, into *rounds, r *isolationResult,
) error {
	if err := s.awaitQuiet(ctx, o.timeout); err != nil {
		return err
	}
	var over, open []string
	err := while(ctx, r, func(ctx context.Context) error {
		ids, err := s.owe(ctx, name)
		if err != nil {
			return err
		}
		if err := s.awaitQuiet(ctx, o.timeout); err != nil {
			return err
		}
		if err := s.queue(ctx, ids, o.nudges); err != nil {
			return err
		}
		if err := s.round(ctx, name, into); err != nil {
			return err
		}
		over, open = ids[:owing/2], ids[owing/2:]
		return s.resolve(ctx, over)
	})
	if err != nil {
		return err
	}
	return s.restored(ctx, over, open, o, r)
}

// owe declares incidents as of a while ago that lack lead and severity.
func (s *site) owe(ctx context.Context, name string) (ids []string, err error) {
	past, err := incident.NewService(incident.Config{Stores: s.stores, Now: func() time.Time { return time.Now().Add(-owingFor) }})
	if err != nil {
		return nil, err
	}
	by := incident.Actor{Kind: incident.ByPerson, ID: "ben", Name: "Ben"}
	for i := range owing {
		inc, _, err := past.Declare(ctx, by, incident.NewParams{
			Name: fmt.Sprintf("%s owes %d", name, i+1), Keys: []incident.Key{{Text: fmt.Sprintf("drill:%s:%d", name, i+1)}},
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, inc.ID)
	}
	return ids, nil
}

// queue lets reminders wait, as a clock does that was not heard for long: many for each incident.
func (s *site) queue(ctx context.Context, ids []string, count int) error {
	const batch = 500
	now := time.Now().UTC()
	for from := 0; from < count; from += batch {
		var rows []incident.Inbound
		for n := from; n < min(from+batch, count); n++ {
			at := now.Add(-time.Duration(n) * time.Millisecond)
			rows = append(rows, incident.Tick{Job: incident.JobNudge, IncidentID: ids[n%len(ids)], At: at}.Inbound())
		}
		if _, err := s.stores.Accept(ctx, rows...); err != nil {
			return err
		}
	}
	return nil
}

// whileCrashing kills the non-critical worker again and again while something runs, which begins when
// that is a crash loop.
func (s *site) whileCrashing(ctx context.Context, r *isolationResult, during func(context.Context) error) error {
	crashing, stop := context.WithCancel(ctx)
	defer stop()
	looping := make(chan struct{})
	return runner.Run(ctx,
		func(context.Context) error {
			for killed := 0; rest(crashing, crashEvery) == nil; {
				ok, err := s.kill(nonCritical)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				r.Crashes++
				if killed++; killed == crashesFirst {
					close(looping)
				}
			}
			return nil
		},
		func(ctx context.Context) error {
			defer stop()
			select {
			case <-looping:
				return during(ctx)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
}

// whileShed has people hold back what is not critical while something runs.
func (s *site) whileShed(ctx context.Context, _ *isolationResult, during func(context.Context) error) error {
	if err := s.theriac(ctx, "shed", "critical-only", "--for", "1h", "--reason", "drill", "--yes"); err != nil {
		return err
	}
	if err := during(ctx); err != nil {
		return err
	}
	return s.theriac(ctx, "shed", "normal", "--yes")
}

// theriac runs a command of people on the store of the site.
func (s *site) theriac(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.executable, append(args, "--store", s.storeURL(), "--data-dir", s.dir)...)
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.environment(), &said, &said
	if err := cmd.Run(); err != nil {
		return problem.Errorf(problem.BadAnswer, "theriac %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// round declares for a while, notes how long that and the pages took, and ends what it declared.
func (s *site) round(ctx context.Context, name string, into *rounds) error {
	declared, err := s.load(ctx, name, isolationRate, isolationFor)
	if err != nil {
		return err
	}
	if declared.failed > 0 {
		return problem.Errorf(problem.BadAnswer, "%d declarations were not taken", declared.failed)
	}
	var pages []time.Duration
	for _, id := range declared.ids {
		inc, err := s.stores.Get(ctx, id)
		if err != nil {
			return err
		}
		key := "page:" + inc.Escalations[0].ID + ":1:1:person:ana"
		if err := await(ctx, chainPatience, 20*time.Millisecond, func() (bool, error) { return s.effect(ctx, key) }); err != nil {
			return fmt.Errorf("wait for %s: %w", key, err)
		}
		row, err := s.stores.Effect(ctx, key)
		if err != nil {
			return err
		}
		pages = append(pages, row.Finished.Sub(inc.Times.Declared))
	}
	into.Declare = append(into.Declare, newSpread(declared.times, 0).P50MS)
	into.Page = append(into.Page, newSpread(pages, 0).P50MS)
	return s.resolve(ctx, declared.ids)
}

func (s *site) resolve(ctx context.Context, ids []string) error {
	for i, id := range ids {
		path := "/v1/incidents/" + id + "/resolve"
		got, err := s.insist(ctx, s.tokens[i%len(s.tokens)], http.MethodPost, path, "over-"+id, map[string]any{})
		if err != nil || got.status != http.StatusOK {
			return problem.Errorf(problem.BadAnswer, "resolve: %w", errors.Join(err, failedWith(got)))
		}
	}
	return nil
}

// restored waits until people were reminded of what is due still, and counts what else they were
// reminded of.
func (s *site) restored(ctx context.Context, over, open []string, o *options, r *isolationResult) error {
	missing := len(open)
	err := await(ctx, remindPatience, 200*time.Millisecond, func() (bool, error) {
		missing = len(open)
		for _, id := range open {
			sent, err := s.reminders(ctx, id)
			if err != nil {
				return false, err
			}
			if sent > 0 {
				missing--
			}
		}
		return missing == 0, nil
	})
	if err != nil && !errors.Is(err, errLate) {
		return err
	}
	r.Missing += missing
	if err := s.awaitQuiet(ctx, o.timeout); err != nil {
		return err
	}
	for _, id := range open {
		sent, err := s.reminders(ctx, id)
		if err != nil {
			return err
		}
		r.Sent += sent
	}
	for _, id := range over {
		sent, err := s.reminders(ctx, id)
		if err != nil {
			return err
		}
		r.Stale += sent
	}
	return s.resolve(ctx, open)
}

// reminders counts the reminders of an incident that somebody got: that nobody leads it, and that it has
// no severity.
func (s *site) reminders(ctx context.Context, id string) (sent int, err error) {
	rows, err := s.stores.EffectList(ctx, id)
	for _, row := range rows {
		about := strings.TrimPrefix(row.Key, "nudge:"+id+":")
		kind, _, _ := strings.Cut(about, ":")
		if row.State == incident.EffectDone && about != row.Key &&
			(kind == string(incident.NudgeLead) || kind == string(incident.NudgeSeverity)) {
			sent++
		}
	}
	return sent, err
}

func (r *isolationResult) show(t *cli.Tool) {
	w := t.Out()
	r.head(w)
	w.Printf("medians of rounds by turns, in ms; %d reminders wait in those with trouble\n", r.Nudges)
	w.Printf("  %-28s declare %-44s page\n", "", "")
	for _, row := range []struct {
		name   string
		rounds rounds
	}{{"calm", r.Calm}, {"non-critical work crashing", r.Crashing}, {"non-critical work shed", r.Shed}} {
		w.Printf("  %-28s %-52s %s\n", row.name, fmt.Sprint(row.rounds.Declare), fmt.Sprint(row.rounds.Page))
	}
	w.Printf("median of the quotients: crashing %.2f and %.2f, shed %.2f and %.2f; at most %.1f\n",
		r.CrashingCost.Declare, r.CrashingCost.Page, r.ShedCost.Declare, r.ShedCost.Page, ratioWithin)
	w.Printf("after the trouble: %d reminders sent, %d incidents not reminded of, %d reminders of what is over; %d crashes\n",
		r.Sent, r.Missing, r.Stale, r.Crashes)
	r.foot(w)
}
