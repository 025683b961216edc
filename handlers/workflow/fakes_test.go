package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// fault is how a call to the outside goes wrong.
type fault int

const (
	fine       fault = iota
	limited          // it did not happen, ask again
	refused          // it never will
	lostBefore       // it did not happen, and no answer came
	lostAfter        // it happened, and no answer came
	strange          // it did not happen, and the error says nothing
	strangeToo       // it happened, and the error says nothing
	kills            // it did not happen, and the process dies
	killsAfter       // it happened, and the process dies
)

var errOutside = errors.New("outside")

// died is what a process dies of in these tests.
type died struct{ at string }

// outside is the world: a chat, somebody who calls people, endpoints and a tracker, all honest about
// what happened and not always about what they say.
type outside struct {
	mu       sync.Mutex
	fault    func(op string) fault
	step     func(op string) // before and after each call
	channels map[string]channel
	posts    []posted
	pages    map[string][]workflow.Page
	ended    map[string][]string
	hooks    map[string][][]byte
	hookIDs  map[string]int
	issues   map[string]workflow.Issue
	calls    map[string]int
	calling  func(p workflow.Page) // right before somebody is called
}

type channel struct {
	spec     workflow.ChannelSpec
	archived bool
	outgrown []string
	people   []string
	made     int
}

type posted struct {
	post   workflow.Post
	id     string
	edits  int
	latest workflow.Card
}

func newOutside() *outside {
	return &outside{
		channels: map[string]channel{}, pages: map[string][]workflow.Page{}, ended: map[string][]string{},
		hooks: map[string][][]byte{}, hookIDs: map[string]int{}, issues: map[string]workflow.Issue{}, calls: map[string]int{},
		fault: func(string) fault { return fine }, step: func(string) {},
	}
}

// call does something and answers as the fault says.
func (o *outside) call(ctx context.Context, op string, do func()) error {
	if err := ctx.Err(); err != nil {
		return workflow.InDoubt(err)
	}
	o.step(op)
	o.mu.Lock()
	o.calls[op]++
	f := o.fault(op)
	if f == fine || f == lostAfter || f == strangeToo || f == killsAfter {
		do()
	}
	o.mu.Unlock()
	if f == kills || f == killsAfter {
		panic(died{op})
	}
	o.step("after " + op)
	switch f {
	case limited:
		return workflow.Later(errOutside, 0)
	case refused:
		return workflow.Never(errOutside)
	case lostBefore, lostAfter:
		return workflow.InDoubt(errOutside)
	case strange, strangeToo:
		return errOutside
	default:
		return nil
	}
}

func (o *outside) EnsureChannel(ctx context.Context, spec workflow.ChannelSpec) (made incident.Channel, err error) {
	err = o.call(ctx, "channel", func() {
		c := o.channels[spec.IncidentID]
		if c.made == 0 {
			c.made = 1
		}
		c.spec = spec
		if spec.Outgrown != "" {
			c.outgrown = append(c.outgrown, spec.Outgrown)
		}
		o.channels[spec.IncidentID] = c
		made = incident.Channel{ID: "C-" + spec.IncidentID, Name: spec.Name}
	})
	if err != nil {
		return incident.Channel{}, err
	}
	return made, nil
}

func (o *outside) SetArchived(ctx context.Context, id string, archived bool) error {
	return o.call(ctx, "archive", func() {
		key := strings.TrimPrefix(id, "C-")
		c := o.channels[key]
		c.archived = archived
		o.channels[key] = c
	})
}

func (o *outside) Invite(ctx context.Context, id string, p incident.Person) error {
	return o.call(ctx, "invite", func() {
		key := strings.TrimPrefix(id, "C-")
		c := o.channels[key]
		if !slices.Contains(c.people, p.ID) {
			c.people = append(c.people, p.ID)
		}
		o.channels[key] = c
	})
}

func (o *outside) Post(ctx context.Context, p workflow.Post) (made incident.Post, err error) {
	op := "post"
	if p.Edit != nil {
		op = "edit"
	}
	err = o.call(ctx, op, func() {
		if p.Edit != nil {
			for i := range o.posts {
				if o.posts[i].id == p.Edit.ID {
					o.posts[i].edits++
					o.posts[i].latest = p.Card
				}
			}
			made = *p.Edit
			return
		}
		made = incident.Post{Channel: p.To.Channel, ID: fmt.Sprintf("M%d", len(o.posts)+1)}
		o.posts = append(o.posts, posted{post: p, id: made.ID, latest: p.Card})
	})
	if err != nil {
		return incident.Post{}, err
	}
	return made, nil
}

func (o *outside) FindPost(ctx context.Context, to workflow.Place, key string) (found incident.Post, ok bool, err error) {
	err = o.call(ctx, "find", func() {
		for _, p := range o.posts {
			if p.post.Key == key && p.post.To.Channel == to.Channel && p.post.To.Person.ID == to.Person.ID {
				found, ok = incident.Post{Channel: to.Channel, ID: p.id}, true
			}
		}
	})
	return found, ok, err
}

func (o *outside) Page(ctx context.Context, p workflow.Page) error {
	if o.calling != nil {
		o.calling(p)
	}
	return o.call(ctx, "page", func() { o.pages[p.Key] = append(o.pages[p.Key], p) })
}

func (o *outside) Acknowledge(ctx context.Context, c workflow.Call) error {
	return o.call(ctx, "ack", func() { o.ended[c.Key] = append(o.ended[c.Key], "ack "+c.Person.ID) })
}

func (o *outside) Resolve(ctx context.Context, c workflow.Call) error {
	return o.call(ctx, "resolve", func() { o.ended[c.Key] = append(o.ended[c.Key], "resolve "+c.Person.ID) })
}

func (o *outside) Deliver(ctx context.Context, d workflow.Delivery) error {
	return o.call(ctx, "hook", func() {
		once := d.Endpoint.ID + d.ID
		o.hookIDs[once]++
		if o.hookIDs[once] == 1 { // the receiver drops a second one
			o.hooks[d.Endpoint.ID] = append(o.hooks[d.Endpoint.ID], d.Body)
		}
	})
}

func (o *outside) FindIssue(ctx context.Context, marker string) (url string, ok bool, err error) {
	err = o.call(ctx, "find issue", func() {
		if _, ok = o.issues[marker]; ok {
			url = "https://tracker.example/" + marker
		}
	})
	return url, ok, err
}

func (o *outside) OpenIssue(ctx context.Context, i workflow.Issue) (url string, err error) {
	err = o.call(ctx, "issue", func() {
		if _, twice := o.issues[i.Marker]; twice {
			i.Title = "TWICE " + i.Title
		}
		o.issues[i.Marker] = i
		url = "https://tracker.example/" + i.Marker
	})
	return url, err
}

// people sets who was brought into a channel.
func (o *outside) people(id string, people []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.channels[id]
	c.people = people
	o.channels[id] = c
}

// in returns what was posted in a channel, or to a person.
func (o *outside) in(place string) []posted {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []posted
	for _, p := range o.posts {
		if p.post.To.Channel == place || (p.post.To.Channel == "" && p.post.To.Person.ID == place) {
			found = append(found, p)
		}
	}
	return found
}

// stepping is a store that tells before and after each call that handlers make.
type stepping struct {
	incident.Stores
	step func(op string)
}

func (s stepping) Create(ctx context.Context, inc incident.Incident, evs []incident.Event) (incident.Incident, error) {
	s.step("create")
	defer s.step("after create")
	return s.Stores.Create(ctx, inc, evs)
}

func (s stepping) Get(ctx context.Context, ref string) (incident.Incident, error) {
	s.step("get")
	return s.Stores.Get(ctx, ref)
}

func (s stepping) ByKey(ctx context.Context, key string) (incident.Incident, error) {
	s.step("by key")
	return s.Stores.ByKey(ctx, key)
}

func (s stepping) Save(ctx context.Context, changes ...incident.Change) ([]incident.Incident, error) {
	s.step("save")
	defer s.step("after save")
	return s.Stores.Save(ctx, changes...)
}

func (s stepping) Claim(ctx context.Context, c incident.Claim) (incident.ClaimResult, error) {
	s.step("claim")
	defer s.step("after claim")
	return s.Stores.Claim(ctx, c)
}

func (s stepping) Finish(ctx context.Context, key string, attempt int, e incident.EffectEnd) error {
	s.step("finish")
	defer s.step("after finish")
	return s.Stores.Finish(ctx, key, attempt, e)
}

func (s stepping) Release(ctx context.Context, key string, attempt int, r incident.EffectRelease) error {
	s.step("release")
	defer s.step("after release")
	return s.Stores.Release(ctx, key, attempt, r)
}

func (s stepping) Republish(ctx context.Context, ids ...string) error {
	s.step("republish")
	defer s.step("after republish")
	return s.Stores.Republish(ctx, ids...)
}

func (s stepping) Handled(ctx context.Context, id, result string) error {
	s.step("handled")
	defer s.step("after handled")
	return s.Stores.Handled(ctx, id, result)
}
