package demo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// workflow is the service of the demo: three handlers with the mistakes of real ones. Their effects
// are rows of the journal, at most one for each event, as with a unique key in a database.
type workflow struct {
	ledger *ledger
	// fixed: the build that knows incidents without a lead is deployed.
	fixed atomic.Bool
	// end is closed when the demo ends; the handler that hangs hangs until then.
	end chan struct{}
}

func (w *workflow) subscriptions() []consumer.Subscription {
	policy := consumer.Policy{
		Timeout: time.Second, Grace: 200 * time.Millisecond, MaxFailures: 3,
		Backoff: consumer.Backoff{Initial: 100 * time.Millisecond, Max: 300 * time.Millisecond},
	}
	return []consumer.Subscription{
		{Name: subTimeline, Handler: handlers.Typed(w.timeline), HandlerName: "demo.timeline", Policy: policy},
		{Name: subNotify, Handler: handlers.Typed(w.notify), HandlerName: "demo.notify", Policy: policy},
		{Name: subFeed, Handler: handlers.Typed(w.feed), HandlerName: "demo.feed", Criticality: consumer.NonCritical, Policy: policy},
	}
}

// timeline adds an event to the timeline of its incident.
func (w *workflow) timeline(_ context.Context, e event, m handlers.Message) error {
	severity := severities()[e.Severity]
	_ = fmt.Sprintf("%s %s %s, lead %s: %s", e.Incident, e.Type, severity, w.leadOf(e), e.Title)
	return w.ledger.effect(m.Attributes[idAttribute])
}

func severities() []string { return []string{"minor", "major", "critical"} }

// leadOf is the mistake that the demo mends.
func (w *workflow) leadOf(e event) string {
	if w.fixed.Load() && e.Lead == nil {
		return "nobody yet"
	}
	return e.Lead.Handle
}

// notify tells the team of an event.
func (w *workflow) notify(_ context.Context, e event, m handlers.Message) error {
	if e.Webhook != "" {
		if err := w.callWebhook(); err != nil {
			return err
		}
	}
	channel, err := channelOf(e.Team)
	if err != nil {
		return fmt.Errorf("notify %s: %w", e.Team, err)
	}
	if e.ChatBusy {
		first, err := w.ledger.firstTry(e.ID)
		if err != nil {
			return err
		}
		if first {
			return handlers.RetryAfter(errors.New("chat: too many requests"), 100*time.Millisecond)
		}
	}
	_ = channel + ": " + render(e.Text)
	return w.ledger.effect(m.Attributes[idAttribute])
}

// callWebhook waits for an answer and forgets that it has a deadline. None comes: it must not, since
// the message is held by then and would be done as well.
func (w *workflow) callWebhook() error {
	<-w.end
	return errors.New("webhook: no answer")
}

func channelOf(team string) (string, error) {
	if team == formerTeam {
		return "", fmt.Errorf("chat: no channel for team %q", team)
	}
	return "#inc-" + team, nil
}

// render stands for a library that ends the goroutine instead of returning an error.
func render(text string) string {
	if strings.Count(text, "{{") != strings.Count(text, "}}") {
		runtime.Goexit()
	}
	return text
}

// feed shows an event to the organisation's people.
func (w *workflow) feed(_ context.Context, e event, m handlers.Message) error {
	if e.Organisation == deletedOrganisation {
		return handlers.Permanent(fmt.Errorf("organisation %d was deleted", e.Organisation))
	}
	return w.ledger.effect(m.Attributes[idAttribute])
}
