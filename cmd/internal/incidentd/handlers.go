package incidentd

import (
	"context"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/slackkit"
)

// Running handlers of one subscription, by class. Their sums are the slots of the workers' tables.
const (
	criticalRunning    = 16
	nonCriticalRunning = 8
)

// alertProbes is how long the breaker of alerts waits before each probe: what other programs write may open it, and
// people wait for the next alert that can be read (ADR 14).
const alertProbes = 2 * time.Second

// topology is every topic with its subscriptions. It is known without a store: all processes set up
// all of it.
func topology() bus.Topics {
	topics := bus.Topics{}
	for _, r := range registrations(workflow.Deps{}) {
		topics[r.Topic] = append(topics[r.Topic], r.Subscription())
	}
	return topics
}

// registrations are all handlers of the service.
func registrations(d workflow.Deps) []workflow.Registration {
	if d.Slack == nil {
		d.Slack = new(incidentslack.Intake).Registrations() // for their names
	}
	return workflow.All(d)
}

// ofClass are the registrations of one class.
func ofClass(all []workflow.Registration, class string) []workflow.Registration {
	return slices.DeleteFunc(slices.Clone(all), func(r workflow.Registration) bool { return r.Critical != (class == classCritical) })
}

// slotsOf is how many handlers of a class run at once.
func slotsOf(class string) int {
	n := len(ofClass(registrations(workflow.Deps{}), class))
	if class == classCritical {
		return n * criticalRunning
	}
	return n * nonCriticalRunning
}

// pipeline are the subscriptions through which incidents come to be.
func pipeline() map[string]bool {
	is := map[string]bool{}
	for _, r := range registrations(workflow.Deps{}) {
		is[r.Subscription()] = r.Pipeline
	}
	return is
}

// subscription is a registration in the consumer's words.
func subscription(r workflow.Registration) consumer.Subscription {
	s := consumer.Subscription{
		Name: r.Subscription(), Handler: r.Handler, HandlerName: "workflow." + r.Name,
		Policy: consumer.Policy{Timeout: r.Timeout},
	}
	if r.Topic == incident.TopicAlerts {
		s.Policy.Breaker.OpenFor = alertProbes
	}
	if !r.Critical {
		s.Criticality = consumer.NonCritical
		s.Shed = map[workflow.Shed]consumer.Shed{
			workflow.ShedNever: consumer.ShedNever, workflow.ShedPause: consumer.ShedPause, workflow.ShedDrop: consumer.ShedDrop,
		}[r.Shed]
	}
	return s
}

// desk is what handlers work with, open.
type desk struct {
	stores  incident.Stores
	service *incident.Service
	alarm   *alarmer
	room    *lateRoom
	regs    []workflow.Registration
	close   func()
}

// openDesk opens stores and the ways to people, for the handlers of a class.
func (p program) openDesk(ctx context.Context, class string) (*desk, error) {
	stores, err := p.openIncidents(ctx)
	if err != nil {
		return nil, err
	}
	d := &desk{stores: stores, close: func() { p.closes("incident store", stores.Close) }}
	if err := p.furnish(ctx, d, class); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (p program) furnish(ctx context.Context, d *desk, class string) (err error) {
	if d.service, err = incident.NewService(incident.Config{Stores: d.stores, Logger: p.log}); err != nil {
		return err
	}
	if d.alarm, err = p.alarms(); err != nil {
		return err
	}
	told, err := p.notices(ctx)
	if err != nil {
		return err
	}
	client, err := slackkit.New(slackkit.Config{
		Token: told.SlackToken, APIURL: told.SlackAPI, Logger: p.log,
		Allowance: told.SlackAllowance, PerChannel: perChannel(told.SlackAllowance),
	})
	if err != nil {
		return err
	}
	share := slackkit.Critical
	if class == classNonCritical {
		share = slackkit.NonCritical
	}
	chat := incidentslack.NewChat(client.Share(share), p.log)
	secret := secretOf(p.environ)
	pages, err := newPager(told, chat, secret, p.log)
	if err != nil {
		return err
	}
	d.room = newLateRoom(p.openRoom)
	intake, err := p.intake(d.service, client, d.room)
	if err != nil {
		return err
	}
	d.regs = ofClass(registrations(workflow.Deps{
		Service: d.service, Slack: intake.Registrations(), Chat: chat, Notifier: pages, Webhooks: hooks{secret}, Backup: d.alarm.backup,
		Link: p.link, AckLink: p.ackLink, Logger: p.log,
	}), class)
	closeStores := d.close
	d.close = func() { d.room.close(); client.Close(); closeStores() }
	return nil
}

// perChannel is the least time between two posts in one channel. It is Slack's, whatever part of the
// limits a process has; only where they are wider than Slack's it is shorter.
func perChannel(allowance float64) time.Duration {
	if allowance <= 1 {
		return 0 // the default
	}
	return time.Duration(float64(time.Second) / allowance)
}
