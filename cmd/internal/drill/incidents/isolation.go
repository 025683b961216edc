package incidents

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

const (
	// isolationRate is how many are declared a second in a round, isolationFor how long a round is.
	isolationRate = 5
	isolationFor  = 6 * time.Second
	// crashEvery is how often the non-critical worker is killed.
	crashEvery = 300 * time.Millisecond
	// ratioWithin is what trouble may cost.
	ratioWithin = 1.1
	// reminded is how many incidents the reminders are about, of which every second one needs none.
	reminded = 40
	// stale is how long a reminder is good that waits here.
	stale = 45 * time.Second
)

// isolationResult is what drill incidents isolation came to.
type isolationResult struct {
	facts
	Nudges int `json:"nudges"`
	Crash  int `json:"crashes"`
	// Calm and Trouble are rounds by turns, on two services; a ratio is of the medians of their rounds.
	Calm         rounds  `json:"calm"`
	Trouble      rounds  `json:"trouble"`
	DeclareRatio float64 `json:"declare_ratio"`
	PageRatio    float64 `json:"page_ratio"`
	// Sent is how many reminders came after the restore, Stale how many of those are about incidents that
	// were over by then.
	Sent  int `json:"sent"`
	Stale int `json:"stale"`
}

// rounds are the medians of each round, in milliseconds.
type rounds struct {
	Declare []float64 `json:"declare_p50_ms"`
	Page    []float64 `json:"page_p50_ms"`
}

func (o *options) isolation(ctx context.Context, on databases) (*isolationResult, error) {
	r := &isolationResult{Nudges: o.nudges}
	r.Drill = "isolation"
	var calmFacts facts
	err := o.on(ctx, on, layout{allowance: unlimited}, &calmFacts, func(calm *site) error {
		return o.on(ctx, on, layout{allowance: unlimited}, &r.facts, func(troubled *site) error {
			return o.compare(ctx, calm, troubled, r)
		})
	})
	return r, err
}

// compare runs rounds by turns.
func (o *options) compare(ctx context.Context, calm, troubled *site, r *isolationResult) error {
	ids, err := troubled.remindable(ctx)
	if err != nil {
		return err
	}
	if err := troubled.queue(ctx, ids, o.nudges); err != nil {
		return err
	}
	for n := range o.rounds {
		if err := calm.round(ctx, fmt.Sprintf("calm-%d", n+1), &r.Calm); err != nil {
			return err
		}
		err := troubled.whileCrashing(ctx, &r.Crash, func(ctx context.Context) error {
			return troubled.round(ctx, fmt.Sprintf("trouble-%d", n+1), &r.Trouble)
		})
		if err != nil {
			return err
		}
	}
	r.DeclareRatio, r.PageRatio = median(r.Trouble.Declare)/median(r.Calm.Declare), median(r.Trouble.Page)/median(r.Calm.Page)
	if err := troubled.restore(ctx, ids, o, r); err != nil {
		return err
	}
	r.check(r.DeclareRatio <= ratioWithin, "declaring takes %.2f times as long, at most %.1f", r.DeclareRatio, ratioWithin)
	r.check(r.PageRatio <= ratioWithin, "paging takes %.2f times as long, at most %.1f", r.PageRatio, ratioWithin)
	r.check(r.Stale == 0, "%d reminders were sent that nobody needs any more", r.Stale)
	r.check(r.Crash > 0, "nothing crashed")
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// remindable declares incidents that lack lead and severity.
func (s *site) remindable(ctx context.Context) (ids []string, err error) {
	for i := range reminded {
		key := fmt.Sprintf("reminded-%d", i+1)
		got, err := s.insist(ctx, s.tokens[i%len(s.tokens)], http.MethodPost, "/v1/incidents", key, map[string]any{"name": key})
		if err != nil {
			return nil, err
		}
		inc, err := got.incident()
		if err != nil || got.status != http.StatusCreated {
			return nil, problem.Errorf(problem.BadAnswer, "declare: %w", failedWith(got))
		}
		ids = append(ids, inc.ID)
	}
	return ids, s.awaitQuiet(ctx, time.Minute)
}

// queue lets reminders wait, as a clock does that was not heard for long: many for each incident.
func (s *site) queue(ctx context.Context, ids []string, count int) error {
	now := time.Now().UTC()
	for from := 0; from < count; from += 500 {
		var rows []incident.Inbound
		for n := from; n < min(from+500, count); n++ {
			rows = append(rows, incident.Tick{
				Job: incident.JobNudge, IncidentID: ids[n%len(ids)], At: now.Add(-time.Duration(n) * time.Millisecond), NotAfter: now.Add(stale),
			}.Inbound())
		}
		if _, err := s.stores.Accept(ctx, rows...); err != nil {
			return err
		}
	}
	// The first half of the reminded incidents is over before anybody can be reminded of it.
	for i, id := range ids {
		if i%2 == 0 {
			if _, err := s.insist(ctx, s.tokens[0], http.MethodPost, "/v1/incidents/"+id+"/resolve", "over-"+id, map[string]any{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// whileCrashing kills the non-critical worker again and again while something runs.
func (s *site) whileCrashing(ctx context.Context, crashes *int, during func(context.Context) error) error {
	crashing, stop := context.WithCancel(ctx)
	defer stop()
	return runner.Run(ctx,
		func(context.Context) error {
			for rest(crashing, crashEvery) == nil {
				killed, err := s.kill(nonCritical)
				if err != nil {
					return err
				}
				if killed {
					*crashes++
				}
			}
			return nil
		},
		func(ctx context.Context) error {
			defer stop()
			return during(ctx)
		})
}

// round declares for a while, and notes how long that and the pages took.
func (s *site) round(ctx context.Context, name string, into *rounds) error {
	declared, failed, err := s.load(ctx, name, isolationRate, isolationFor, 0)
	if err != nil {
		return err
	}
	if failed > 0 {
		return problem.Errorf(problem.BadAnswer, "%d declarations were not taken", failed)
	}
	var pages []time.Duration
	for i := range declared.Count {
		inc, err := s.stores.ByKey(ctx, fmt.Sprintf("idem:drill-%d:%s-%d", i%len(s.tokens)+1, name, i+1))
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
	into.Declare = append(into.Declare, declared.P50MS)
	into.Page = append(into.Page, newSpread(pages, 0).P50MS)
	return nil
}

// restore lets the worker live, and looks what becomes of the reminders.
func (s *site) restore(ctx context.Context, ids []string, o *options, r *isolationResult) error {
	if err := rest(ctx, stale); err != nil {
		return err
	}
	if err := s.awaitQuiet(ctx, o.timeout); err != nil {
		return err
	}
	for _, id := range ids {
		rows, err := s.stores.EffectList(ctx, id)
		if err != nil {
			return err
		}
		inc, err := s.stores.Get(ctx, id)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if strings.HasPrefix(row.Key, "nudge:") && row.State == incident.EffectDone {
				r.Sent++
				if !inc.Status.Open() {
					r.Stale++
				}
			}
		}
	}
	return nil
}

func (r *isolationResult) show(t *cli.Tool) {
	w := t.Out()
	r.head(w)
	w.Printf("  declare  calm %v ms, with the non-critical worker crashing and %d reminders waiting %v ms: ratio of medians %.2f\n", r.Calm.Declare, r.Nudges, r.Trouble.Declare, r.DeclareRatio)
	w.Printf("  page     calm %v ms, then %v ms: ratio %.2f\n", r.Calm.Page, r.Trouble.Page, r.PageRatio)
	w.Printf("  crashes %d; reminders sent after the restore %d, of them stale %d\n", r.Crash, r.Sent, r.Stale)
	r.foot(w)
}
