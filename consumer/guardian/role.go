//go:build unix

package guardian

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// role is what the guardian knows of one of its roles.
type role struct {
	cfg      RoleConfig
	restarts restarts
	child    *child // nil while none lives
	startAt  time.Time
	runs     int
	loop     verdict.Loop
	culprits map[string]verdict.Breaker // by subscription

	pool   *wardPool // nil in a role without wards
	owner  *role     // in a ward: the role whose messages it runs
	number int       // in a ward: which of them
	wanted bool      // in a ward: it is to be started
}

func (r *role) serving() bool { return r.child != nil && r.child.ready && !r.child.exited }

// add makes a role, and the wards that it has.
func (p *parent) add(cfg RoleConfig) {
	r := &role{cfg: cfg, restarts: restarts{pause: p.cfg.RestartPause, most: p.cfg.MaxRestartPause}, startAt: time.Now()}
	p.roles = append(p.roles, r)
	if cfg.Wards > 0 {
		r.pool = newWardPool(r)
		p.roles = append(p.roles, r.pool.wards...)
	}
}

// remember counts a death towards what no single message explains.
func (r *role) remember(a autopsy) {
	to := r
	if r.owner != nil {
		to = r.owner
	} else {
		if slices.ContainsFunc(a.table.Past, func(run inflight.Past) bool { return run.Outcome == 0 }) {
			r.loop = r.loop.AfterSuccess()
		}
		r.loop = r.loop.AfterDeath(a.Verdict)
		r.forgive(a.table.Past)
	}
	for _, s := range a.table.Slots {
		if a.Charge(verdict.Name(s.Name)) > 0 {
			to.killedBy(s.Subscription, s.ID, a.died)
		}
	}
}

// hint says why deaths of late look like a bad deploy rather than a bad message, or nothing.
func (r *role) hint(now time.Time) string {
	switch {
	case r.manyCulprits(now) > 0:
		return strconv.Itoa(r.manyCulprits(now)) + " different messages killed the process within a minute, and none succeeded"
	case r.loop.DeploymentProblem(0):
		return strconv.Itoa(r.loop.Deaths) + " deaths in a row with no message in flight"
	default:
		return ""
	}
}

// killedBy counts a death that is charged to a message.
func (r *role) killedBy(subscription, id string, at time.Time) {
	if r.culprits == nil {
		r.culprits = make(map[string]verdict.Breaker)
	}
	r.culprits[subscription] = r.culprits[subscription].AfterCulprit(id, at)
}

// survived notes that a message of the subscription succeeded: not all of them kill, and the program can
// run.
func (r *role) survived(subscription string) {
	delete(r.culprits, subscription)
	r.loop = r.loop.AfterSuccess()
}

// forgive looks for messages that began since the last death that was charged, and succeeded.
func (r *role) forgive(past []inflight.Past) {
	for _, run := range past {
		deaths := r.culprits[run.Subscription].Deaths
		if run.Outcome == 0 && len(deaths) > 0 && run.Started.After(deaths[len(deaths)-1].At) {
			r.survived(run.Subscription)
		}
	}
}

// recent is what the next child is told of culprits: as many of the last as fit into a frame that no
// child has to read before more can be written. Long ids are told by their beginning and a hash, as they
// need only tell culprits apart.
func (r *role) recent(now time.Time) map[string][]verdict.CulpritDeath {
	recent := make(map[string][]verdict.CulpritDeath)
	room := maxCulpritsTold / max(len(r.culprits), 1)
	for subscription, b := range r.culprits {
		left := room - len(subscription)*jsonGrowth
		for _, d := range slices.Backward(b.Deaths) {
			d.ID = shortID(d.ID)
			if left -= culpritOverhead + len(d.ID)*jsonGrowth; left < 0 {
				break
			}
			if now.Sub(d.At).Abs() <= culpritMemory {
				recent[subscription] = append(recent[subscription], d)
			}
		}
		slices.Reverse(recent[subscription])
	}
	return recent
}

const (
	// maxCulpritsTold bounds, in bytes, what a child is told of culprits.
	maxCulpritsTold = 128 << 10
	// jsonGrowth is how much longer JSON can make a byte, culpritOverhead what it needs beside the id.
	jsonGrowth, culpritOverhead = 6, 64
	maxIDTold                   = 128
)

func shortID(id string) string {
	if len(id) <= maxIDTold {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return id[:maxIDTold/2] + hex.EncodeToString(sum[:maxIDTold/4])
}

// culpritMemory is how long the next workers hear of a culprit; the rule that opens their breaker looks
// back a minute by default.
const culpritMemory = 10 * time.Minute

// manyCulprits returns how many messages of one subscription killed of late, if these are enough to
// look like a bad deploy, else 0.
func (r *role) manyCulprits(now time.Time) (most int) {
	for _, b := range r.culprits {
		if b.Open(now, verdict.BreakerRule{}) {
			most = max(most, len(b.Culprits(now, verdict.BreakerRule{})))
		}
	}
	return most
}

// label is how incarnations of the role begin.
func (r *role) label() string {
	if r.owner != nil {
		return r.cfg.Name + "-ward" + strconv.Itoa(r.number)
	}
	return r.cfg.Name
}

// note returns how starts of a role are told: wards come and go, and only who looks closely cares.
func (p *parent) note(r *role) func(string, ...any) {
	if r.owner != nil {
		return p.log.Debug
	}
	return p.log.Info
}
