// Command guarded is a whole service under a guardian. One of its orders kills the
// process that handles it; the web server does not notice, every other order is
// confirmed, and that one is held with the evidence.
//
// What a service of your own needs stands in this file and in web.go; demo.go is the
// broker, the orders and the report.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// dir is where everything is kept, in the working directory.
const dir = "guarded-data"

// main runs in the guardian, which is the process that you start, and in each of
// its children, which is this binary again. Only there is run called.
func main() {
	err := guardian.Run(context.Background(), guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "broker"}, {Name: "web"}, {Name: "worker", Slots: 16}},
		StateDir: filepath.Join(dir, "guardian"),
		Relay:    true, // for role.Transport
	}, run)
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, role guardian.Role) error {
	orders := consumer.Subscription{Name: "orders", Handler: handlers.Typed(confirm)}
	events, err := sentryEvents(role)
	if err != nil {
		return err
	}
	defer events.Close()
	switch {
	case role.Ward: // runs alone what killed a worker, or may have
		return ward.Serve(ctx, role, ward.ServeConfig{Observer: events.Observer}, orders)
	case role.Name == "worker":
		return work(ctx, role, orders, events)
	case role.Name == "web":
		return web(ctx, role)
	default:
		return broker(ctx, role)
	}
}

// order is the payload; the customer may be missing, which nobody thought of.
type order struct {
	Number   int       `json:"number"`
	Customer *customer `json:"customer"`
}

type customer struct {
	Name string `json:"name"`
}

// confirm asks for the name in a goroutine of its own. No recover of the caller's
// reaches a panic there: it kills the process.
func confirm(_ context.Context, o order, _ handlers.Message) error {
	name := make(chan string)
	go func() { name <- o.Customer.Name }()
	return sendConfirmation(o.Number, <-name)
}

// work is the worker role.
func work(ctx context.Context, role guardian.Role, orders consumer.Subscription, events events) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	source, err := natsjs.NewSource(conn, natsjs.Config{Stream: "ORDERS", Consumer: "confirm"})
	if err != nil {
		return err
	}
	store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
	if err != nil {
		return err
	}
	defer store.Close()
	var roster consumer.Roster
	service, err := quarantine.New(store, quarantine.Config{
		SpoolDir: filepath.Join(dir, "spool"),
		Worker:   quarantine.Worker{Name: "worker", Subscriptions: []string{"orders"}},
		Running:  roster.Running, // for others to find if this machine dies
	})
	if err != nil {
		return err
	}
	wards, err := ward.Open(role, ward.Config{Docket: service, OnCrash: events.OnCrash})
	if err != nil {
		return err
	}
	c, err := consumer.New(source, orders, consumer.Config{
		Guard: wards, Quarantine: service, Roster: &roster, Observer: events.Observer, MaxRunning: 16,
	})
	if err != nil {
		return err
	}
	return consumer.RunBeside(ctx, consumer.Beside{
		Run:   []func(context.Context) error{service.Run, wards.Run},
		Ready: service.Ready(), Began: role.Ready,
	}, c)
}

// events is where failures and deaths are reported; the zero value reports nothing.
type events struct {
	Observer consumer.Observer
	OnCrash  func(context.Context, handlers.Crash) error
	Close    func()
}

// sentryEvents reports to the project of SENTRY_DSN, if there is one, through the
// guardian: what is captured arrives although the process dies at once.
func sentryEvents(role guardian.Role) (events, error) {
	if os.Getenv("SENTRY_DSN") == "" {
		return events{Close: func() {}}, nil
	}
	s, err := telemetry.NewSentry(telemetry.SentryConfig{Relay: role.Transport})
	if err != nil {
		return events{}, err
	}
	return events{Observer: s, OnCrash: s.Crash, Close: s.Close}, nil
}
