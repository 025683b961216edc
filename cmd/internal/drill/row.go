package drill

import (
	"fmt"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/output"
)

// The engines.
const (
	engineEmbedded = "embedded"
	enginePubSub   = "pubsub"
)

// row is one thing to try.
type row struct {
	way      replica.Way
	inFlight int // good messages
	replicas int
	engine   string
	run      int // which time, from 1
}

func (r row) String() string {
	return fmt.Sprintf("%s, %d in flight, %d replicas, %s", r.way.Name, r.inFlight, r.replicas, r.engine)
}

// result is what a row came to, as --json prints it.
type result struct {
	output.Head
	Way      string `json:"way"`
	InFlight int    `json:"in_flight"`
	Replicas int    `json:"replicas"`
	// WorkerDeaths and WardDeaths are processes that died, over all replicas.
	WorkerDeaths int `json:"worker_deaths"`
	WardDeaths   int `json:"ward_deaths"`
	// WebFailures are web requests without an answer.
	WebFailures int `json:"web_failures"`
	// Expected is how it should end: held, or unattributed.
	Expected replica.Expected `json:"expected"`
	// Named: the message is named where somebody would look for it; of an unattributed death, all
	// who were in flight are. Stack: a Go stack of it is kept.
	Named bool `json:"named"`
	Stack bool `json:"stack"`
	// InnocentsQuarantined are good messages that are held, Lost those with no end, Duplicates effects
	// that happened once too often.
	InnocentsQuarantined int `json:"innocents_quarantined"`
	Lost                 int `json:"lost"`
	Duplicates           int `json:"duplicates"`
	// ContainedMS is the time from the first run of the poison until it was held; of an unattributed
	// death, until every message was done. OwnMS of it is the handler's own: reaching its deadline, or
	// the bound on its memory.
	ContainedMS int64 `json:"contained_ms"`
	OwnMS       int64 `json:"own_ms"`

	Engine string        `json:"engine"`
	Run    int           `json:"run"`
	Class  replica.Class `json:"class"`
	// Ended is how it did end: held, done, or lost.
	Ended string `json:"ended"`
	// Events are those that the error tracker got and that name the message; of an unattributed death,
	// all that tell of it.
	Events int `json:"events"`
	// BystandersMS is how long after the death the last message in flight beside it ran again.
	BystandersMS int64 `json:"bystanders_ms"`
	// WebRequests were served, the slowest in WebSlowestMS.
	WebRequests  int   `json:"web_requests"`
	WebSlowestMS int64 `json:"web_slowest_ms"`
	// Repeated are runs of messages whose effect was there already.
	Repeated int `json:"repeated"`
	// WallMS is how long the row took.
	WallMS int64 `json:"wall_ms"`
	// Passed: it is as it should be. Else Problems says why not, and KeptIn where to look.
	Passed   bool     `json:"passed"`
	Problems []string `json:"problems,omitempty"`
	KeptIn   string   `json:"kept_in,omitempty"`
}
