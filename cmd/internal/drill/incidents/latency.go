package incidents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// The bounds of what is measured, at p99.
const (
	declareEmbedded = 50 * time.Millisecond
	declarePostgres = 25 * time.Millisecond
	commandWithin   = 300 * time.Millisecond
	chainWithin     = time.Second
	chainKilled     = 3 * time.Second
	// chainPatience is how long an incident is waited for.
	chainPatience = 3 * time.Minute
	// chainEvery is how often one is declared whose way is followed.
	chainEvery = 400 * time.Millisecond
	// commands is how many commands are typed.
	commands = 50
	// unlimited is an allowance for a Slack that limits nothing: what is measured is the service, and not
	// how long Slack would make it wait.
	unlimited = 10_000
)

// latencyResult is what drill incidents latency came to.
type latencyResult struct {
	facts
	Rate int `json:"rate"`
	// Declare is the time of the request, Failed how many were not answered with 201.
	Declare spread `json:"declare"`
	Failed  int    `json:"failed"`
	// Chain is from declaring until channel, headline and invitation were made, Page until the pager had
	// it; Killed is the same where every worker was killed within a quarter of a second after that.
	Chain  chain `json:"chain"`
	Killed chain `json:"killed"`
	// Command is how long a slash command took to be answered. Its count is 0 where nobody takes any.
	Command spread `json:"command"`
}

// chain is what follows a declaration.
type chain struct {
	Channel  spread `json:"channel"`
	Headline spread `json:"headline"`
	Invited  spread `json:"invited"`
	All      spread `json:"all"`
	Page     spread `json:"page"`
	// Channels is how many were made, Missing how many incidents lack something.
	Channels int `json:"channels"`
	Missing  int `json:"missing"`
}

func (o *options) latency(ctx context.Context, on databases) (*latencyResult, error) {
	r := &latencyResult{}
	r.Drill = "latency"
	err := o.on(ctx, on, layout{allowance: unlimited}, &r.facts, func(s *site) error { return o.measure(ctx, s, r) })
	return r, err
}

func (o *options) measure(ctx context.Context, s *site, r *latencyResult) error {
	bound := declareEmbedded
	if s.store != "" {
		bound = declarePostgres
	}
	// The way of one incident first, while nothing else is to do.
	var err error
	if r.Chain, err = s.follow(ctx, "calm", o.chains, chainWithin, nil); err != nil {
		return err
	}
	r.Rate = o.rate
	loaded, err := s.load(ctx, "load", o.rate, o.lasts)
	if err != nil {
		return err
	}
	r.Declare, r.Failed = newSpread(loaded.times, bound), loaded.failed
	if err := s.awaitQuiet(ctx, o.timeout); err != nil {
		return err
	}
	// What comes next must not wait for the next level of each of these.
	if err := s.resolve(ctx, loaded.ids); err != nil {
		return err
	}
	if err := s.awaitQuiet(ctx, o.timeout); err != nil {
		return err
	}
	if r.Killed, err = s.follow(ctx, "killed", o.killedChains, chainKilled, s.killer(ctx, rand.New(rand.NewPCG(o.seed, 1)))); err != nil {
		return err
	}
	if r.Command, err = s.command(ctx); err != nil {
		return err
	}
	r.check(r.Failed == 0, "%d declarations were not taken", r.Failed)
	for name, got := range map[string]spread{"declare": r.Declare, "chain": r.Chain.All, "chain with workers killed": r.Killed.All, "slash command": r.Command,
		"page": r.Chain.Page, "page with workers killed": r.Killed.Page} {
		r.check(!got.late(), "%s: p99 %.0f ms, the bound is %.0f ms", name, got.P99MS, got.WithinMS)
	}
	for name, c := range map[string]chain{"at rest": r.Chain, "with workers killed": r.Killed} {
		r.check(c.Missing == 0, "%d incidents lack something, %s", c.Missing, name)
	}
	made := s.slack.Done("conversations.create")
	want := r.Chain.All.Count + r.Killed.All.Count + r.Declare.Count
	r.check(made == want, "%d channels were made for %d incidents", made, want)
	return nil
}

// declare declares one incident and returns it, with the time that took.
func (s *site) declare(ctx context.Context, token, key string) (seen, time.Duration, error) {
	began := time.Now()
	got, err := s.ask(ctx, token, http.MethodPost, "/v1/incidents", key,
		map[string]any{"name": key, "severity": "critical", "lead": "ana"})
	took := time.Since(began)
	if err != nil {
		return seen{}, took, err
	}
	if got.status != http.StatusCreated {
		return seen{}, took, failedWith(got)
	}
	inc, err := got.incident()
	return inc, took, err
}

// loaded is what came of many declarations.
type loaded struct {
	ids    []string // of the incidents
	times  []time.Duration
	failed int
}

// load declares so many a second, whether those before were answered or not, and waits for all.
func (s *site) load(ctx context.Context, name string, rate int, lasts time.Duration) (all loaded, err error) {
	var mu sync.Mutex
	var group runner.Group
	beat := time.NewTicker(time.Second / time.Duration(rate))
	defer beat.Stop()
	for i := range int(lasts.Seconds() * float64(rate)) {
		select {
		case <-beat.C:
		case <-ctx.Done():
			group.Wait()
			return loaded{}, ctx.Err()
		}
		group.Go(func() {
			inc, took, err := s.declare(ctx, s.tokens[i%len(s.tokens)], fmt.Sprintf("%s-%d", name, i+1))
			mu.Lock()
			defer mu.Unlock()
			all.times = append(all.times, took)
			if err != nil {
				all.failed++
			} else {
				all.ids = append(all.ids, inc.ID)
			}
		})
	}
	group.Wait()
	return all, nil
}

// killMost is how long after a declaration every worker is killed, at most: within that time they make
// channel and headline, and page.
const killMost = 250 * time.Millisecond

// killer returns what kills every worker at a random moment.
func (s *site) killer(ctx context.Context, dice *rand.Rand) func() error {
	return func() error {
		if err := rest(ctx, time.Duration(dice.Int64N(int64(killMost)))); err != nil {
			return err
		}
		return s.killWorkers()
	}
}

// killWorkers kills every worker.
func (s *site) killWorkers() error {
	for _, role := range []string{critical, nonCritical} {
		if _, err := s.kill(role); err != nil {
			return err
		}
	}
	return nil
}

// followed is an incident whose way is followed.
type followed struct {
	id       string
	declared time.Time
}

// follow declares incidents, one after the other, and finds out when what followed had happened. after is
// done right after each declaration; then the next one waits until all is there.
func (s *site) follow(ctx context.Context, name string, count int, within time.Duration, after func() error) (chain, error) {
	var all []followed
	beat := time.NewTicker(chainEvery)
	defer beat.Stop()
	for i := range count {
		began := time.Now()
		inc, _, err := s.declare(ctx, s.tokens[i%len(s.tokens)], fmt.Sprintf("%s-%d", name, i+1))
		if err != nil {
			return chain{}, problem.Errorf(problem.BadAnswer, "declare: %w%s", err, s.process.LastWords())
		}
		all = append(all, followed{inc.ID, began})
		if after != nil {
			if err := after(); err != nil {
				return chain{}, err
			}
			if err := s.awaitWay(ctx, inc.ID); err != nil {
				return chain{}, err
			}
			if err := s.awaitServing(ctx, critical); err != nil {
				return chain{}, err
			}
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return chain{}, ctx.Err()
		}
	}
	for _, f := range all {
		if err := s.awaitWay(ctx, f.id); err != nil {
			return chain{}, err
		}
	}
	return s.ways(ctx, all, within)
}

// awaitWay waits until an incident has all that follows its declaration, or patience ends.
func (s *site) awaitWay(ctx context.Context, id string) error {
	err := await(ctx, chainPatience, 20*time.Millisecond, func() (bool, error) {
		inc, err := s.stores.Get(ctx, id)
		if err != nil || inc.Channel == nil || inc.Headline == nil {
			return false, err
		}
		row, err := s.effect(ctx, "invite:"+id+":ana")
		if err != nil || !row {
			return false, err
		}
		return s.effect(ctx, "page:"+inc.Escalations[0].ID+":1:1:person:ana")
	})
	if errors.Is(err, errLate) {
		return nil // it counts as missing
	}
	return err
}

// ways works out how long it took, from what the fake Slack noted.
func (s *site) ways(ctx context.Context, all []followed, within time.Duration) (c chain, err error) {
	calls := noted(s.slack.Calls())
	var channel, headline, invited, whole, page []time.Duration
	for _, f := range all {
		inc, err := s.stores.Get(ctx, f.id)
		if err != nil {
			return c, err
		}
		if inc.Channel == nil || inc.Headline == nil {
			c.Missing++
			continue
		}
		made, ok1 := calls["create "+inc.Channel.Name]
		posted, ok2 := calls["headline "+f.id]
		in, ok3 := calls["invite "+inc.Channel.ID]
		row, err := s.stores.Effect(ctx, "page:"+inc.Escalations[0].ID+":1:1:person:ana")
		if err != nil || !ok1 || !ok2 || !ok3 {
			c.Missing++
			continue
		}
		channel, headline, invited = append(channel, made.Sub(f.declared)), append(headline, posted.Sub(f.declared)), append(invited, in.Sub(f.declared))
		whole = append(whole, max(made.Sub(f.declared), posted.Sub(f.declared), in.Sub(f.declared)))
		page = append(page, row.Finished.Sub(f.declared))
	}
	c.Channels = len(channel)
	c.Channel, c.Headline, c.Invited, c.Page = newSpread(channel, 0), newSpread(headline, 0), newSpread(invited, 0), newSpread(page, within)
	c.All = newSpread(whole, within)
	return c, nil
}

// noted finds the calls that are looked for, each at the time of its first success.
func noted(calls []slackfake.Call) map[string]time.Time {
	at := map[string]time.Time{}
	note := func(key string, c slackfake.Call) {
		if _, ok := at[key]; !ok && c.Code == "" {
			at[key] = c.At
		}
	}
	for _, c := range calls {
		switch c.Method {
		case "conversations.create":
			note("create "+argumentsOf(c).Name, c)
		case "conversations.invite":
			note("invite "+argumentsOf(c).Channel, c)
		case "chat.postMessage":
			if _, key, ok := strings.Cut(argumentsOf(c).Metadata.Payload.Key, "headline:"); ok {
				id, _, _ := strings.Cut(key, ":")
				note("headline "+id, c)
			}
		}
	}
	return at
}

// arguments are those of a call that are looked at.
type arguments struct {
	Name     string `json:"name"`
	Channel  string `json:"channel"`
	Metadata struct {
		Payload struct {
			Key string `json:"key"`
		} `json:"event_payload"`
	} `json:"metadata"`
}

// argumentsOf returns nothing for what cannot be read: the call is then found missing.
func argumentsOf(c slackfake.Call) (a arguments) {
	if json.Unmarshal(c.Body, &a) != nil {
		return arguments{}
	}
	return a
}

// command types slash commands, where somebody takes them.
func (s *site) command(ctx context.Context) (spread, error) {
	if s.slack.Sockets() == 0 {
		return newSpread(nil, commandWithin), nil
	}
	var times []time.Duration
	for i := range commands {
		began := time.Now()
		if err := s.slack.Command(ctx, announceRoom, slackID("ana"), "/inc", fmt.Sprintf("typed %d", i+1)); err != nil {
			return spread{}, problem.Errorf(problem.BadAnswer, "a slash command: %w", err)
		}
		times = append(times, time.Since(began))
	}
	return newSpread(times, commandWithin), nil
}
