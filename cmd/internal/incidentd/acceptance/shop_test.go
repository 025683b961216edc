package acceptance

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

const (
	// shopVariable makes the test binary the worker of a shop: somebody's own program, which shares with
	// the incident service the data directory that it names, and the store after a |, if any.
	shopVariable = "ACCEPTANCE_SHOP"
	// orders is the shop's subscription, which is critical.
	orders      = "orders"
	ordersTopic = "orders"
	shopRole    = "shop"
)

// shop is the whole program, as a user would write it.
func shop(spec string) error {
	dir, store, _ := strings.Cut(spec, "|")
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: shopRole, Slots: 32}},
		StateDir: filepath.Join(dir, "shop"), StopTimeout: 10 * time.Second, Logger: log,
	}
	sub := consumer.Subscription{Name: orders, HandlerName: "shop.Order", Handler: handlers.HandlerFunc(order)}
	sub.Policy.Timeout, sub.Policy.Grace = 2*time.Second, 100*time.Millisecond
	return guardian.Run(context.Background(), cfg, func(ctx context.Context, role guardian.Role) error {
		if role.Ward {
			return ward.Serve(ctx, role, ward.ServeConfig{Logger: log}, sub)
		}
		return openShop(ctx, role, sub, config.Flags{DataDir: dir, Store: store}, log)
	})
}

func openShop(ctx context.Context, role guardian.Role, sub consumer.Subscription, at config.Flags, log *slog.Logger) (err error) {
	settings, err := config.Load(at, nil)
	if err != nil {
		return err
	}
	store, closer, err := app.OpenStore(ctx, settings.Store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	service, err := quarantine.New(store, quarantine.Config{Logger: log,
		Worker: quarantine.Worker{Name: shopRole, Subscriptions: []string{orders}}})
	if err != nil {
		return err
	}
	wards, err := ward.Open(role, ward.Config{Docket: service, Logger: log})
	if err != nil {
		return err
	}
	b, err := bus.Open(ctx, bus.Config{Broker: settings.Broker, Name: shopRole})
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Setup(ctx, bus.Topics{ordersTopic: {orders}}); err != nil {
		return err
	}
	source, err := b.Source(ordersTopic, orders)
	if err != nil {
		return err
	}
	c, err := consumer.New(source, sub, consumer.Config{Guard: wards, Quarantine: service, MaxRunning: 32, Logger: log})
	if err != nil {
		return err
	}
	return consumer.RunBeside(ctx, consumer.Beside{
		Run: []func(context.Context) error{service.Run, wards.Run}, Ready: service.Ready(), Began: role.Ready,
	}, c)
}

// The ways in which an order kills its process.
const (
	panicsInChild = "panics in a goroutine of its own"
	exits         = "exits"
	isKilled      = "is killed"
)

// order works on an order. Its body says what is wrong with it.
func order(ctx context.Context, m handlers.Message) error {
	switch string(m.Data) {
	case panicsInChild:
		done := make(chan struct{})
		go func() { defer close(done); panic("an order without a customer") }()
		<-done // by the panic on its way up: the process dies a moment later
		<-ctx.Done()
		return ctx.Err()
	case exits:
		os.Exit(3)
	case isKilled:
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		err = self.Kill()
		<-ctx.Done()
		return err
	}
	return nil
}

// openFor starts a shop that shares a service's store and broker.
func openFor(t *testing.T, s *service) *log {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), shopVariable+"="+s.dir+"|"+s.store, "THERIAC_GUARDIAN=on", "GORACE=atexit_sleep_ms=0")
	said := newLog()
	run(t, cmd, said)
	said.awaitReady(t, shopRole)
	return said
}
