package incidentdemo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
)

const (
	opsChannel       = "C0OPS"
	incidentsChannel = "C0INC"
	userAna          = "U0ANA"
	critical         = incidentd.OrdersSub
	orderCount       = 20
	poisonOrder      = 4

	// stepWithin bounds each wait. It is far beyond what any takes.
	stepWithin = 30 * time.Second
	lookEvery  = 25 * time.Millisecond
)

// story is one run of the demo.
type story struct {
	dir   string
	api   *api
	slack *slackfake.Server
	out   *term.Writer
	began time.Time
	ref   string // the incident's
	entry string // the entry's
}

// tell prints a line with the time that has passed.
func (s *story) tell(format string, args ...any) {
	s.out.Printf("%8s  %s\n", time.Since(s.began).Round(time.Millisecond), fmt.Sprintf(format, args...))
}

// until waits until look finds what is waited for. Errors of look are those of a service that is still
// on its way; the last one is told if it never comes.
func until[T any](ctx context.Context, what string, look func(context.Context) (T, bool, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	pause := time.NewTicker(lookEvery)
	defer pause.Stop()
	var last error
	for {
		found, ok, err := look(ctx)
		if ok {
			return found, nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return found, fmt.Errorf("waited %s for %s in vain: %w", stepWithin, what, errors.Join(last, ctx.Err()))
		}
	}
}

// run is the story, step by step.
func (s *story) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.order, s.open, s.answer, s.accept, s.work, s.resolve, s.tryToClose, s.decide,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// broker is where the service keeps its messages.
func (s *story) broker() config.Endpoint {
	return config.Endpoint{Kind: config.Embedded, Address: config.BrokerDir(s.dir)}
}

// order publishes the orders, one of them without a customer.
func (s *story) order(ctx context.Context) error {
	b, err := bus.Open(ctx, bus.Config{Broker: s.broker(), Name: "demo"})
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Setup(ctx, bus.Topics{incidentd.OrdersTopic: {incidentd.OrdersSub}}); err != nil {
		return err
	}
	s.began = time.Now()
	for number := range orderCount {
		o := incidentd.Order{Number: number, Customer: &incidentd.Customer{Name: "Ada"}}
		if number == poisonOrder {
			o.Customer = nil
		}
		data, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if err := b.Publish(ctx, incidentd.OrdersTopic, handlers.Message{Data: data}); err != nil {
			return err
		}
	}
	s.tell("%d orders are published; one has no customer, which kills whoever confirms it", orderCount)
	return nil
}

// open waits for the incident that comes of it.
func (s *story) open(ctx context.Context) error {
	inc, err := until(ctx, "an incident", func(ctx context.Context) (incident.Incident, bool, error) {
		all, err := s.api.incidents(ctx)
		if err != nil || len(all) == 0 {
			return incident.Incident{}, false, err
		}
		inc, err := s.api.get(ctx, all[0].Ref())
		return inc, err == nil && len(inc.Entries) > 0, err
	})
	if err != nil {
		return err
	}
	s.ref, s.entry = inc.Ref(), inc.Entries[0].Ref
	s.tell("%s opens in triage by itself: %s", s.ref, inc.Name)
	s.tell("    held: %s, at %s; the other orders are confirmed", s.entry, inc.Entries[0].Where)
	return nil
}

// answer waits for the page of the one who is on call, and presses its button.
func (s *story) answer(ctx context.Context) error {
	page, err := until(ctx, "a page", func(context.Context) (slackfake.Message, bool, error) {
		return s.find(func(m slackfake.Message) bool { return strings.Contains(string(m.Blocks), workflow.ActAck) })
	})
	if err != nil {
		return err
	}
	s.tell("ana is called: %s", firstLine(page.Text))
	if err := s.slack.Press(ctx, page.Channel, page.TS, workflow.ActAck, userAna); err != nil {
		return fmt.Errorf("press the button of the page: %w", err)
	}
	_, err = until(ctx, "the answer", func(ctx context.Context) (incident.Incident, bool, error) {
		inc, err := s.api.get(ctx, s.ref)
		return inc, err == nil && len(inc.Escalations) > 0 && inc.Escalations[0].State == incident.Acked, err
	})
	if err == nil {
		s.tell("    she presses the button; nobody else is called")
	}
	return err
}

// find looks for a message in all channels.
func (s *story) find(is func(slackfake.Message) bool) (slackfake.Message, bool, error) {
	for _, c := range s.slack.Channels() {
		for _, m := range s.slack.Messages(c.ID) {
			if is(m) {
				return m, true, nil
			}
		}
	}
	return slackfake.Message{}, false, nil
}

// accept says that it is real, and waits for the channel.
func (s *story) accept(ctx context.Context) error {
	if _, err := s.api.verb(ctx, s.ref, "accept", map[string]string{"severity": "major"}); err != nil {
		return err
	}
	inc, err := until(ctx, "the channel", func(ctx context.Context) (incident.Incident, bool, error) {
		inc, err := s.api.get(ctx, s.ref)
		return inc, err == nil && inc.Channel != nil, err
	})
	if err != nil {
		return err
	}
	s.tell("it is accepted as major; #%s is there", inc.Channel.Name)
	headline, err := until(ctx, "the headline", func(context.Context) (slackfake.Message, bool, error) {
		return s.find(func(m slackfake.Message) bool {
			return m.Channel == incidentsChannel && strings.Contains(m.Text, s.ref)
		})
	})
	if err == nil {
		s.tell("    #incidents reads: %s", firstLine(headline.Text))
	}
	return err
}

// work takes the lead and tells people.
func (s *story) work(ctx context.Context) error {
	if err := s.api.do(ctx, http.MethodPut, "/v1/incidents/"+s.ref+"/roles/lead", map[string]string{"person": "ana"}, nil); err != nil {
		return err
	}
	_, err := s.api.verb(ctx, s.ref, "updates", map[string]string{
		"message": "Orders without a customer are refused at the door now.", "status": "monitoring",
	})
	if err == nil {
		s.tell("ana leads, and shares an update: it is monitored")
	}
	return err
}

// resolve ends it, and does what the flow asks for afterwards.
func (s *story) resolve(ctx context.Context) error {
	inc, err := s.api.verb(ctx, s.ref, "resolve", map[string]string{"message": "no order has failed since"})
	if err != nil {
		return err
	}
	for _, t := range inc.Tasks {
		if err := s.api.do(ctx, http.MethodPatch, "/v1/incidents/"+s.ref+"/tasks/"+t.ID, map[string]string{"state": "done"}, nil); err != nil {
			return err
		}
	}
	s.tell("it is resolved, and the %d tasks that come after are done", len(inc.Tasks))
	return nil
}

// tryToClose finds that the message stands in the way: nobody decided about it yet.
func (s *story) tryToClose(ctx context.Context) error {
	_, err := s.api.verb(ctx, s.ref, "close", nil)
	var refused *problemDocument
	if !errors.As(err, &refused) || refused.Code != "gate" {
		return fmt.Errorf("an incident with an undecided message closed, or was refused otherwise: %w", err)
	}
	s.tell("closing is refused: %s", refused.Detail)
	return nil
}

// decide discards the message, as theriac discard does, and waits until the incident has closed.
func (s *story) decide(ctx context.Context) error {
	room, err := app.Open(ctx, config.Endpoint{Kind: config.SQLite, Address: config.StoreFile(s.dir), Own: true}, app.Write)
	if err != nil {
		return err
	}
	defer room.Close()
	held, err := room.Service.EntryGet(ctx, quarantine.EntryKey{Ref: s.entry}, quarantine.GetOptions{})
	if err != nil {
		return err
	}
	_, err = room.Service.EntryDiscard(ctx, held, quarantine.Decision{
		Actor: quarantine.Actor{Name: "ana", Via: "cli", Claimed: true}, Reason: "a test order, nobody misses it",
	})
	if err != nil {
		return err
	}
	s.tell("ana discards %s, with a reason", s.entry)
	_, err = until(ctx, "the close", func(ctx context.Context) (incident.Incident, bool, error) {
		inc, err := s.api.get(ctx, s.ref)
		return inc, err == nil && inc.Status == incident.Closed, err
	})
	if err == nil {
		s.tell("    the decision is on the timeline, and with it %s closes by itself", s.ref)
	}
	return err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
