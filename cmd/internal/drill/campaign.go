package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/quarantine"
)

// campaign is a drill in which no single message is to blame: a bad deploy, an outage, kills from
// outside. Nobody may be in quarantine when it is over.
type campaign struct {
	name     string
	replicas int
	spec     replica.Spec
	// play makes trouble until it is over; then everything is waited for. It notes what it did.
	play func(ctx context.Context, s *site, n *notes) error
	// judge adds what is wrong beyond what no campaign may do.
	judge func(r campaignResult) []string
}

// notes are what a campaign noted while it ran.
type notes struct {
	heldMeanwhile int
	endedTrouble  time.Time
	kills         int
	restarts      []int64 // ms from a kill until the next worker served
}

// campaignResult is what a campaign came to, as --json prints it.
type campaignResult struct {
	output.Head
	Drill    string `json:"drill"`
	Engine   string `json:"engine"`
	Replicas int    `json:"replicas"`

	Published int `json:"published"`
	Done      int `json:"done"`
	// InnocentsQuarantined are held when it is over, HeldMeanwhile were while it went on.
	InnocentsQuarantined int `json:"innocents_quarantined"`
	HeldMeanwhile        int `json:"held_meanwhile"`
	Lost                 int `json:"lost"`
	Duplicates           int `json:"duplicates"`
	Repeated             int `json:"repeated"`

	Kills        int `json:"kills"`
	WorkerDeaths int `json:"worker_deaths"`
	WardDeaths   int `json:"ward_deaths"`
	WebRequests  int `json:"web_requests"`
	WebFailures  int `json:"web_failures"`
	// BreakerOpened is how often a worker's breaker opened, Reasons what it and the reports of deaths
	// said why.
	BreakerOpened int      `json:"breaker_opened"`
	Reasons       []string `json:"reasons,omitempty"`
	// Restart is the time from a kill until the next worker served, RecoveredMS from the end of the
	// trouble until everything was done.
	Restart     spread `json:"restart"`
	RecoveredMS int64  `json:"recovered_ms"`

	Seed     uint64    `json:"seed"`
	Build    string    `json:"build"`
	Host     host      `json:"host"`
	Started  time.Time `json:"started"`
	WallMS   int64     `json:"wall_ms"`
	Passed   bool      `json:"passed"`
	Problems []string  `json:"problems,omitempty"`
	KeptIn   string    `json:"kept_in,omitempty"`
}

func newCampaignCommand(t *cli.Tool, o *options, use, short, long string, make func() campaign) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.note(c)
			return o.campaign(c.Context(), t, make())
		},
	}
	o.addCommon(c)
	return c
}

// campaign runs a campaign on each engine that is asked for.
func (o *options) campaign(ctx context.Context, t *cli.Tool, c campaign) error {
	if err := between("--replicas", []int{c.replicas}, 1, maxReplicas); err != nil {
		return err
	}
	return o.onEngines(ctx, t, "drill "+c.name, func(d *drill, engine string) (finding, error) {
		r, err := d.campaign(ctx, c, engine)
		r.Seed = o.seed
		return finding{r.Problems, func() error { return o.showCampaign(t, r) }}, err
	})
}

func (d *drill) campaign(ctx context.Context, c campaign, engine string) (_ campaignResult, err error) {
	began := time.Now()
	site, err := openSite(ctx, layout{
		engine: d.engines[engine], executable: d.executable, environ: d.environ, replicas: c.replicas, spec: c.spec,
	})
	if err != nil {
		return campaignResult{}, err
	}
	n := &notes{}
	err = c.play(ctx, site, n)
	n.endedTrouble = time.Now()
	var recovered time.Duration
	if err == nil {
		if err = site.awaitDone(ctx, d.timeout); err == nil {
			recovered = time.Since(n.endedTrouble)
		}
	}
	if ctx.Err() != nil {
		return campaignResult{}, errors.Join(ctx.Err(), site.close(), site.remove())
	}
	late := errors.Is(err, errLate)
	if late {
		err = nil
	}
	web := site.traffic.end()
	r, collectErr := site.count(context.WithoutCancel(ctx), n)
	if err = errors.Join(err, collectErr, site.close()); err != nil {
		return campaignResult{}, errors.Join(fmt.Errorf("drill %s: %w", c.name, err), site.remove())
	}
	deaths, err := countDeaths(site.replicaDirs())
	if err != nil {
		return campaignResult{}, errors.Join(err, site.remove())
	}
	r.Drill, r.Engine, r.Replicas, r.Host, r.Build = c.name, engine, c.replicas, thisHost(), buildinfo.Read().Version
	r.WorkerDeaths, r.WardDeaths = deaths[replica.RoleWorker], deaths[replica.RoleWard]
	r.WebRequests, r.WebFailures = web.served, web.failed
	r.Started, r.WallMS, r.RecoveredMS = began.UTC().Truncate(time.Second), time.Since(began).Milliseconds(), recovered.Milliseconds()
	r.Problems = append(r.problems(late, d.timeout), c.judge(r)...)
	r.Passed = len(r.Problems) == 0
	if d.keep && !r.Passed {
		r.KeptIn = site.dir
		return r, nil
	}
	return r, site.remove()
}

// awaitDone waits until every message is done, the broker has no more and no replay is running: what a
// message does is seen before its replay has told the store of it.
func (s *site) awaitDone(ctx context.Context, d time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := s.ledger.await(limited, d, func(f facts) bool { return len(f.commits) >= len(s.ids()) })
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for err == nil {
		settled, asked := s.settled(limited)
		if settled || asked != nil {
			err = asked
			break
		}
		select {
		case <-look.C:
		case <-limited.Done():
			err = limited.Err()
		}
	}
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return errLate
	}
	return err
}

func (s *site) settled(ctx context.Context) (bool, error) {
	if settled, err := s.stage.settled(ctx); err != nil || !settled {
		return false, err
	}
	entries, err := s.entries(ctx)
	replaying := func(e quarantine.Entry) bool { return e.State == quarantine.StateReplaying }
	return !slices.ContainsFunc(entries, replaying), err
}

// count counts what became of the messages.
func (s *site) count(ctx context.Context, n *notes) (r campaignResult, err error) {
	r = campaignResult{Head: output.NewHead(), HeldMeanwhile: n.heldMeanwhile, Kills: n.kills, Restart: newSpread(n.restarts)}
	entries, err := s.entries(ctx)
	if err != nil {
		return r, err
	}
	held := map[string]bool{}
	for _, e := range entries {
		if e.State != quarantine.StateReplayed {
			held[e.Message.Attributes[keyAttribute]] = true
			r.InnocentsQuarantined++
		}
	}
	f := s.ledger.facts()
	runs := map[string]int{}
	for _, run := range f.runs {
		runs[run.Key]++
	}
	for key := range s.ids() {
		r.Published++
		r.Repeated += max(runs[key]-1, 0)
		switch done := f.commits[key]; {
		case done > 0:
			r.Done++
			r.Duplicates += done - 1
		case !held[key]:
			r.Lost++
		}
	}
	r.BreakerOpened, r.Reasons, err = s.reasons(f)
	return r, err
}

// breakerMessage is how a consumer's log begins to say that its breaker opened.
const breakerMessage = "breaker open: "

// reasons are what breakers and reports of deaths said, each once.
func (s *site) reasons(f facts) (opened int, reasons []string, err error) {
	seen := map[string]bool{}
	say := func(text string) {
		if text != "" && !seen[text] {
			seen[text] = true
			reasons = append(reasons, text)
		}
	}
	for _, dir := range s.replicaDirs() {
		lines, err := readLog(dir)
		if err != nil {
			return 0, nil, err
		}
		for _, line := range lines {
			if why, ok := strings.CutPrefix(line.Message, breakerMessage); ok {
				opened++
				say(why)
			}
		}
	}
	for _, c := range f.deaths() {
		say(c.Hint)
	}
	return opened, reasons, nil
}

// problems says what no campaign may do.
func (r campaignResult) problems(late bool, within time.Duration) (problems []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	check(r.Lost == 0, "%d messages are lost", r.Lost)
	check(r.InnocentsQuarantined == 0, "%d messages are in quarantine, and none is to blame", r.InnocentsQuarantined)
	check(r.Duplicates == 0, "%d effects happened twice", r.Duplicates)
	check(r.WebFailures == 0, "%d web requests failed", r.WebFailures)
	check(r.WebRequests > 0, "no web request was made")
	check(!late, "not everything was done within %s after the trouble", within)
	return problems
}
