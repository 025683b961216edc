package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// serviceVariable makes the test binary incidentd; the arguments are incidentd's own.
const serviceVariable = "ACCEPTANCE_INCIDENTD"

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, TCP: true, Migrate: migrate}}

func migrate(ctx context.Context, url string) error {
	room, err := quarantinepg.Migrator(url)
	if err != nil {
		return err
	}
	defer room.Close()
	incidents, err := incidentpg.Migrator(url)
	if err != nil {
		return err
	}
	defer incidents.Close()
	_, err = room.Up(ctx)
	_, err2 := incidents.Up(ctx)
	return errors.Join(err, err2)
}

// TestMain lets the test binary be incidentd, and the worker of a shop.
func TestMain(m *testing.M) {
	if os.Getenv(serviceVariable) != "" {
		os.Exit(incidentd.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	if dir := os.Getenv(shopVariable); dir != "" {
		if err := shop(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(postgres.Main(m),
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")) // Google's client starts it on import
}
