package incidentd

import (
	"context"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// The demo has a service beside incidentd, as a user would have: it takes orders from OrdersTopic by
// OrdersSub, and one of them kills it.
const (
	OrdersTopic = "demo-orders"
	OrdersSub   = "demo-orders--confirm"

	roleOrders  = "orders"
	ordersSlots = 8
)

// Order is what is ordered; the customer may be missing, which nobody thought of.
type Order struct {
	Number   int       `json:"number"`
	Customer *Customer `json:"customer"`
}

// Customer is who ordered.
type Customer struct {
	Name string `json:"name"`
}

// confirmOrder asks for the name in a goroutine of its own. No recover reaches a panic there: it kills
// the process, which is what the demo is about.
func confirmOrder(_ context.Context, o Order, _ handlers.Message) error {
	name := make(chan string)
	unowned(func() { name <- o.Customer.Name })
	<-name
	return nil
}

func orders() consumer.Subscription {
	return consumer.Subscription{Name: OrdersSub, Handler: handlers.Typed(confirmOrder), HandlerName: "orders.confirm"}
}

// orders is the role that takes them.
func (p program) orders(ctx context.Context, role guardian.Role) error {
	if role.Ward {
		return ward.Serve(ctx, role, ward.ServeConfig{Worker: role.Name, Build: role.Build, Logger: p.log}, orders())
	}
	store, closer, err := app.OpenStore(ctx, p.settings.Store)
	if err != nil {
		return err
	}
	defer p.closes("quarantine store", closer.Close)
	var roster consumer.Roster
	service, err := quarantine.New(store, quarantine.Config{
		SpoolDir: filepath.Join(config.SpoolDir(p.settings.DataDir), role.Name), Worker: p.me(role, []string{OrdersSub}),
		Running: roster.Running, Logger: p.log,
	})
	if err != nil {
		return err
	}
	wards, err := ward.Open(role, ward.Config{Docket: service, Logger: p.log})
	if err != nil {
		return err
	}
	b, err := bus.Open(ctx, bus.Config{Broker: p.settings.Broker, Name: "demo orders"})
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Setup(ctx, bus.Topics{OrdersTopic: {OrdersSub}}); err != nil {
		return err
	}
	source, err := b.Source(OrdersTopic, OrdersSub)
	if err != nil {
		return err
	}
	c, err := consumer.New(source, orders(), consumer.Config{
		MaxRunning: ordersSlots, Guard: wards, Quarantine: service, Roster: &roster, Worker: role.Name, Build: role.Build, Logger: p.log,
	})
	if err != nil {
		return err
	}
	return consumer.RunBeside(ctx, consumer.Beside{
		Run:   []func(context.Context) error{service.Run, wards.Run},
		Ready: service.Ready(), Began: role.Ready,
	}, c)
}
