package demo

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	randv2 "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
)

// Bounds of --messages: enough for every way to fail to have company, and what fits in memory.
const (
	minMessages = 20
	maxMessages = 1_000_000
)

const planName = "demo.json"

// plan says what a data directory's demo publishes. It is written before the first message, and
// everything else follows from it, so a demo that was killed goes on with the same messages.
type plan struct {
	// Run is the prefix of every event's id: two demos on one broker never mix.
	Run string `json:"run"`
	// Seed decides everything that looks random.
	Seed uint64 `json:"seed"`
	// Messages is how many there are.
	Messages int `json:"messages"`
	// Engine is what the demo runs on.
	Engine string `json:"engine"`
	// Started is when the first run began.
	Started time.Time `json:"started"`
}

// planned is one message of a plan.
type planned struct {
	id, subscription string
	message          handlers.Message
	way              *way // nil for a good one
}

// errNoPlan: the data directory holds no demo yet.
var errNoPlan = errors.New("no demo yet")

func newPlan(messages int, engine string, now time.Time) plan {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // it never fails
	p := plan{Run: strings.ToLower(rand.Text()[:8]), Messages: messages, Engine: engine, Started: now.UTC().Truncate(time.Second)}
	for _, b := range seed {
		p.Seed = p.Seed<<8 | uint64(b)
	}
	return p
}

func readPlan(dir string) (p plan, err error) {
	text, err := os.ReadFile(filepath.Join(dir, planName))
	if errors.Is(err, fs.ErrNotExist) {
		return plan{}, errNoPlan
	}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && (p.Run == "" || p.Messages < minMessages || p.Messages > maxMessages) {
		err = errors.New("it makes no sense")
	}
	if err != nil {
		return plan{}, problem.Errorf(problem.Invalid, "%s cannot be read (%w): choose another --data-dir", filepath.Join(dir, planName), err)
	}
	return p, nil
}

// write puts the plan on disk in one step.
func (p plan) write(dir string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	path := filepath.Join(dir, planName)
	if err := writeSynced(path+".new", append(text, '\n')); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func writeSynced(path string, text []byte) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(text); err != nil {
		return err
	}
	return file.Sync()
}

// all makes the messages of the plan, in the order in which they are published. It is pure.
func (p plan) all() ([]planned, error) {
	spoilt := p.spoilt()
	list := make([]planned, p.Messages)
	for i := range list {
		var err error
		if list[i], err = p.make(i, spoilt[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// subscriptionOf shares the messages out: five, three and two of ten.
func subscriptionOf(i int) string {
	switch {
	case i%10 < 5:
		return subTimeline
	case i%10 < 8:
		return subNotify
	default:
		return subFeed
	}
}

// spoilt chooses which message fails in which way. The hang comes early, because it takes longest.
func (p plan) spoilt() map[int]*way {
	chosen := map[int]*way{}
	r := randv2.New(randv2.NewPCG(p.Seed, 0))
	all := ways()
	for i := range all {
		w := &all[i]
		if w.reason == handlers.ReasonHung {
			chosen[6] = w // the second of its subscription
			continue
		}
		for {
			at := 8 + r.IntN(p.Messages-8)
			if chosen[at] == nil && subscriptionOf(at) == w.subscription {
				chosen[at] = w
				break
			}
		}
	}
	return chosen
}

func (p plan) make(i int, w *way) (planned, error) {
	r := randv2.New(randv2.NewPCG(p.Seed, uint64(i)+1))
	incident := r.IntN(p.Messages/5 + 1)
	e := event{
		ID:           fmt.Sprintf("%s-%06d", p.Run, i+1),
		Type:         pick(r, types),
		Incident:     fmt.Sprintf("INC-%d", 100+incident),
		Title:        titles[incident%len(titles)],
		Service:      services[incident%len(services)],
		Severity:     r.IntN(len(severities())),
		Team:         pick(r, teams),
		Lead:         &person{Handle: pick(r, people)},
		Organisation: 1 + r.IntN(400),
		Text:         pick(r, updates),
		ChatBusy:     i == 5, // the first notification succeeds at its second try
		At:           p.Started.Add(time.Duration(i) * time.Second),
	}
	if w != nil && w.spoil != nil {
		w.spoil(&e)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return planned{}, fmt.Errorf("encode an event: %w", err)
	}
	if w != nil && w.spoil == nil {
		data = data[:len(data)/2]
	}
	return planned{
		id: e.ID, subscription: subscriptionOf(i), way: w,
		message: handlers.Message{ID: e.ID, Data: data, Attributes: map[string]string{idAttribute: e.ID, "type": e.Type}},
	}, nil
}

func pick(r *randv2.Rand, from []string) string { return from[r.IntN(len(from))] }
