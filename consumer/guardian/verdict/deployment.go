package verdict

import (
	"slices"
	"time"
)

// BreakerRule says when several culprits are no longer several bad messages but
// one bad deploy.
type BreakerRule struct {
	// Culprits is how many distinct ones open the breaker. Default 3.
	Culprits int
	// Within is the time in which they must have died. Default 60 s.
	Within time.Duration
}

func (r BreakerRule) withDefaults() BreakerRule {
	if r.Culprits < 1 {
		r.Culprits = 3
	}
	if r.Within <= 0 {
		r.Within = time.Minute
	}
	return r
}

// maxCulprits bounds what a Breaker remembers; later ones push out the oldest.
const maxCulprits = 256

// Breaker remembers the culprits of late and tells when they are a bad deploy.
// It outlives workers: the guardian keeps one per subscription and hands its
// deaths to the next worker, as JSON. The zero value has seen nothing, and is the
// breaker after a message succeeded: not everything kills, so what died before
// says nothing about the deploy. Methods return the breaker after the event and
// leave the receiver as it was.
type Breaker struct {
	// Deaths are the last death of each culprit since the last success, in the
	// order in which they came, at most 256.
	Deaths []CulpritDeath
}

// CulpritDeath is the last death of one culprit.
type CulpritDeath struct {
	// ID names the message; it need only be the same for the same message. As
	// JSON knows no other, what is not UTF-8 in it is replaced there.
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// AfterCulprit returns the breaker after a death that is charged to a message
// ([Verdict.Charge]): named in production, or alone in the ward.
func (b Breaker) AfterCulprit(id string, at time.Time) Breaker {
	deaths := make([]CulpritDeath, 0, len(b.Deaths)+1)
	for _, d := range b.Deaths {
		if d.ID != id {
			deaths = append(deaths, d)
		}
	}
	deaths = append(deaths, CulpritDeath{ID: id, At: at})
	return Breaker{Deaths: deaths[max(0, len(deaths)-maxCulprits):]}
}

// Open reports whether the rule is met at now.
func (b Breaker) Open(now time.Time, rule BreakerRule) bool {
	return len(b.Culprits(now, rule)) >= rule.withDefaults().Culprits
}

// Culprits returns the ids that count at now, oldest first. When the breaker
// opens, what was convicted among them is to be marked so, to run again when it
// closes. A death that a clock set back has moved into the future counts only
// as long as one in the past.
func (b Breaker) Culprits(now time.Time, rule BreakerRule) []string {
	within := rule.withDefaults().Within
	var ids []string
	for _, d := range b.Deaths {
		if age := now.Sub(d.At).Abs(); age <= within && !slices.Contains(ids, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// DefaultLoopLimit is how many deaths without a message are a deployment
// problem. As with [BreakerRule], two may be chance.
const DefaultLoopLimit = 3

// Loop counts deaths in a row that no message can have caused: before the
// process was ready, or with nothing in flight. The zero value has seen none.
type Loop struct {
	Deaths int
}

// AfterDeath returns the loop after one more death. A death with messages in
// flight ends the row; one that was asked for changes nothing.
func (l Loop) AfterDeath(v Verdict) Loop {
	switch {
	case v.Tier != TierNobody:
		return Loop{}
	case v.Reason == ReasonNotReady, v.Reason == ReasonNoMessage && len(v.Damaged) == 0:
		return Loop{Deaths: l.Deaths + 1}
	default:
		return l
	}
}

// AfterSuccess returns the loop after a message succeeded.
func (l Loop) AfterSuccess() Loop { return Loop{} }

// DeploymentProblem reports whether the row is long enough to say that the
// program itself cannot run. limit below 1 is [DefaultLoopLimit].
func (l Loop) DeploymentProblem(limit int) bool {
	if limit < 1 {
		limit = DefaultLoopLimit
	}
	return l.Deaths >= limit
}
