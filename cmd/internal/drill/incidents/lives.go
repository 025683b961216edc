package incidents

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

const (
	// killEvery is how often a process is killed, on average.
	killEvery = 2 * time.Second
	// mostPause is how long a life rests between two verbs, at most.
	mostPause = 400 * time.Millisecond
)

// livesResult is what drill incidents lives came to.
type livesResult struct {
	facts
	Incidents int            `json:"incidents"`
	Statuses  map[string]int `json:"statuses"`
	Verbs     int            `json:"verbs"`
	Refused   int            `json:"refused"`
	// Twice is how many requests were sent again on purpose, Unanswered how often one was sent again since
	// no answer came, Kills how many processes were killed.
	Twice      int            `json:"twice"`
	Unanswered int            `json:"unanswered"`
	Kills      map[string]int `json:"kills"`
	audit
}

// lives drives incidents through random lives.
func (o *options) lives(ctx context.Context, on databases) (*livesResult, error) {
	r := &livesResult{Kills: map[string]int{}, Statuses: map[string]int{}}
	r.Drill = "lives"
	err := o.on(ctx, on, layout{allowance: unlimited}, &r.facts, func(s *site) error {
		c := &campaign{site: s, seed: o.seed, r: r}
		if err := c.run(ctx, o); err != nil {
			return err
		}
		if err := s.awaitServing(ctx, critical, clockRole, webRole); err != nil {
			return err
		}
		if err := c.awaitEnd(ctx, o.timeout); err != nil {
			return err
		}
		return c.judge(ctx)
	})
	return r, err
}

// campaign is lives that go on.
type campaign struct {
	*site
	seed uint64
	r    *livesResult

	mu   sync.Mutex
	refs []string
}

func (c *campaign) count(n *int, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n += by
}

// run lives all lives, and kills until they are over.
func (c *campaign) run(ctx context.Context, o *options) error {
	living, over := context.WithCancel(ctx)
	defer over()
	return runner.Run(ctx,
		func(context.Context) error { return c.kills(living) },
		func(ctx context.Context) error {
			defer over()
			return c.liveAll(ctx, o.incidents, o.atOnce)
		})
}

// liveAll lives so many lives, some of them at once.
func (c *campaign) liveAll(ctx context.Context, lives, atOnce int) error {
	next := make(chan int)
	all := []func(context.Context) error{func(ctx context.Context) error {
		defer close(next)
		for i := range lives {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}}
	for range atOnce {
		all = append(all, func(ctx context.Context) error {
			for i := range next {
				if err := c.live(ctx, i); err != nil {
					return fmt.Errorf("life %d: %w", i+1, err)
				}
			}
			return nil
		})
	}
	return runner.Run(ctx, all...)
}

// kills kills processes at random until ctx ends.
func (c *campaign) kills(ctx context.Context) error {
	dice := rand.New(rand.NewPCG(c.seed, 0))
	roles := []string{critical, critical, critical, nonCritical, clockRole, clockRole, webRole}
	for {
		if rest(ctx, time.Duration(dice.Int64N(int64(2*killEvery)))) != nil {
			return nil
		}
		role := roles[dice.IntN(len(roles))]
		killed, err := c.kill(role)
		if err != nil {
			return err
		}
		if killed {
			c.r.Kills[role]++
		}
	}
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// life is one incident's.
type life struct {
	*campaign
	n     int
	dice  *rand.Rand
	token string
	ref   string
	step  int
}

// live lives one life.
func (c *campaign) live(ctx context.Context, i int) error {
	l := &life{campaign: c, n: i + 1, dice: rand.New(rand.NewPCG(c.seed, uint64(i+1))), token: c.tokens[i%len(c.tokens)]}
	if err := l.begin(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	c.refs = append(c.refs, l.ref)
	c.mu.Unlock()
	for range 1 + l.dice.IntN(6) {
		if err := rest(ctx, time.Duration(l.dice.Int64N(int64(mostPause)))); err != nil {
			return err
		}
		if err := l.act(ctx, l.anything()); err != nil {
			return err
		}
	}
	if l.dice.IntN(5) == 0 {
		return nil // it stays open, and its escalation goes to its end
	}
	for _, a := range []action{{http.MethodPost, "/ack", nil}, {http.MethodPost, "/resolve", map[string]any{}}, {http.MethodPost, "/decline", reason()}} {
		if a.path == "/ack" && l.dice.IntN(2) == 0 {
			continue
		}
		if err := l.act(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (l *life) pick(from ...string) string { return from[l.dice.IntN(len(from))] }

// begin declares it, or reports it, or an alert does.
func (l *life) begin(ctx context.Context) error {
	if l.dice.IntN(10) == 0 {
		return l.alert(ctx)
	}
	body := map[string]any{"name": fmt.Sprintf("life %d", l.n), "severity": l.pick("critical", "critical", "major", "minor", "")}
	if l.dice.IntN(2) == 0 {
		body["lead"] = l.pick(staff()...)
	}
	if l.dice.IntN(4) == 0 {
		body["triage"] = true
	}
	switch l.dice.IntN(20) {
	case 0:
		body["visibility"] = "private"
	case 1:
		body["mode"] = "test"
	}
	got, err := l.send(ctx, action{http.MethodPost, "/v1/incidents", body})
	if err != nil {
		return err
	}
	if got.status != http.StatusCreated && got.status != http.StatusOK {
		return failedWith(got)
	}
	inc, err := got.incident()
	l.ref = inc.Ref
	return err
}

// alert fires three times: the second is the first one's request once more, the third is another request.
func (l *life) alert(ctx context.Context) error {
	dedup := fmt.Sprintf("probe-%d", l.n)
	for _, key := range []string{dedup + "-a", dedup + "-a", dedup + "-b"} {
		got, err := l.insist(ctx, sourceBearer, http.MethodPost, "/v1/alerts/"+source, key, map[string]any{"dedup_key": dedup, "title": "probe", "severity": "critical"})
		if err != nil {
			return err
		}
		if got.status != http.StatusAccepted {
			return failedWith(got)
		}
	}
	l.count(&l.r.Twice, 1)
	err := await(ctx, 2*time.Minute, 50*time.Millisecond, func() (bool, error) {
		inc, err := l.stores.ByKey(ctx, "alert:"+source+":"+dedup)
		if errors.Is(err, incident.ErrNotFound) {
			return false, nil
		}
		l.ref = inc.Ref()
		return err == nil, err
	})
	if errors.Is(err, errLate) {
		return problem.Errorf(problem.BadAnswer, "an alert has no incident after 2 minutes")
	}
	return err
}

// action is a request about an incident.
type action struct {
	method, path string
	body         any
}

func reason() map[string]any { return map[string]any{"reason": "drill"} }

// anything is a verb at random. One that its incident does not allow now is refused, which is fine.
func (l *life) anything() action {
	post := func(path string, body any) action { return action{http.MethodPost, path, body} }
	person := l.pick(staff()...)
	all := []action{
		post("/updates", map[string]any{"message": "news", "status": l.pick("", "fixing", "monitoring", "investigating"), "severity": l.pick("", "", "minor", "critical")}),
		post("/updates", map[string]any{"message": "more"}),
		post("/accept", map[string]any{"severity": l.pick("critical", "minor")}),
		post("/ack", nil), post("/ack", nil),
		post("/pause", reason()), post("/resume", nil), post("/cancel", reason()), post("/reopen", reason()),
		post("/resolve", map[string]any{}),
		post("/participants", map[string]any{"person": person, "kind": "observer"}),
		post("/participants", map[string]any{"person": person, "kind": "responder"}),
		{http.MethodPut, "/roles/lead", map[string]any{"person": person}},
		{http.MethodPut, "/roles/scribe", map[string]any{"person": person}},
		post("/escalations", map[string]any{"path": "all", "reason": "help"}),
		post("/timeline", map[string]any{"text": "a line"}),
		post("/follow-ups", map[string]any{"text": "later"}),
		post("/actions", map[string]any{"text": "now"}),
	}
	if l.dice.IntN(25) == 0 {
		return post("/make-private", reason())
	}
	if other := l.other(); other != "" && l.dice.IntN(25) == 0 {
		return post("/merge", map[string]any{"into": other, "reason": "the same"})
	}
	return all[l.dice.IntN(len(all))]
}

// other is another incident, or "".
func (l *life) other() string {
	l.campaign.mu.Lock()
	defer l.campaign.mu.Unlock()
	if other := l.refs[l.dice.IntN(len(l.refs))]; other != l.ref {
		return other
	}
	return ""
}

// act does something to the incident.
func (l *life) act(ctx context.Context, a action) error {
	a.path = "/v1/incidents/" + l.ref + a.path
	got, err := l.send(ctx, a)
	if err != nil {
		return err
	}
	switch {
	case got.status < http.StatusMultipleChoices:
		l.count(&l.r.Verbs, 1)
		return nil
	case slices.Contains([]int{http.StatusConflict, http.StatusNotFound, http.StatusUnprocessableEntity}, got.status):
		l.count(&l.r.Refused, 1)
		return nil
	default:
		return problem.Errorf(problem.BadAnswer, "%s %s: %w", a.method, a.path, failedWith(got))
	}
}

// send sends a request until it is answered, and one in five once more.
func (l *life) send(ctx context.Context, a action) (answered, error) {
	l.step++
	key := fmt.Sprintf("life-%d-%d", l.n, l.step)
	got, err := l.insist(ctx, l.token, a.method, a.path, key, a.body)
	l.count(&l.r.Unanswered, got.tries-1)
	if err != nil || l.dice.IntN(5) != 0 {
		return got, err
	}
	l.count(&l.r.Twice, 1)
	again, err := l.insist(ctx, l.token, a.method, a.path, key, a.body)
	if err == nil && got.status < http.StatusMultipleChoices && again.status >= http.StatusMultipleChoices {
		return got, problem.Errorf(problem.BadAnswer, "%s %s was taken, and once more under its key: %w", a.method, a.path, failedWith(again))
	}
	return got, err
}

func (r *livesResult) show(t *cli.Tool) {
	w := t.Out()
	r.head(w)
	w.Printf("%d incidents, %d verbs, %d refused; %d requests sent twice, %d again without an answer\n", r.Incidents, r.Verbs, r.Refused, r.Twice, r.Unanswered)
	w.Printf("killed: %d critical workers, %d others, %d clocks, %d web servers\n", r.Kills[critical], r.Kills[nonCritical], r.Kills[clockRole], r.Kills[webRole])
	r.audit.rows(w)
	r.foot(w)
}
