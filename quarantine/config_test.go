package quarantine_test

import (
	"errors"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// TestConfig_DefaultsLoseNothing sets every field and expects the defaults to
// leave it alone; and leaves every field zero and expects a default or a reason.
func TestConfig_DefaultsLoseNothing(t *testing.T) {
	t.Parallel()
	set := quarantine.Config{
		SpoolDir: "/spool", SpoolMaxBytes: 2 << 20, Worker: worker(), PollEvery: 2 * time.Second, WriteTimeout: 3 * time.Second,
		Running: func(time.Time) []handlers.Running { return nil }, SnapshotEvery: time.Second,
		BatchMax: 4, KnownMax: 5, OurPackages: []string{"example.com/app"}, Logger: slog.New(slog.DiscardHandler),
	}
	given, got := reflect.ValueOf(set), reflect.ValueOf(set.WithDefaults())
	mayBeZero := map[string]bool{"SpoolDir": true, "Worker": true, "Running": true}
	defaults := reflect.ValueOf(quarantine.Config{}.WithDefaults())
	for i := range given.NumField() {
		name := given.Type().Field(i).Name
		if given.Field(i).IsZero() {
			t.Errorf("this test does not set %s", name)
		}
		if before, after := given.Field(i), got.Field(i); before.Kind() == reflect.Func {
			if before.Pointer() != after.Pointer() {
				t.Errorf("%s was replaced", name)
			}
		} else if !reflect.DeepEqual(before.Interface(), after.Interface()) {
			t.Errorf("%s was %v and became %v", name, given.Field(i), got.Field(i))
		}
		if defaults.Field(i).IsZero() && !mayBeZero[name] {
			t.Errorf("%s has no default", name)
		}
	}
}

func TestConfig_WorkerIsNamedByItsProcess(t *testing.T) {
	t.Parallel()
	named := quarantine.Config{Worker: quarantine.Worker{Name: "w", Subscriptions: []string{"orders"}}}.WithDefaults().Worker
	if named.PID != os.Getpid() || named.Host == "" {
		t.Errorf("pid %d on %q: whoever reads of its death cannot find it", named.PID, named.Host)
	}
	if none := (quarantine.Config{}).WithDefaults().Worker; none.PID != 0 || none.Host != "" {
		t.Errorf("a process that only operates became the worker %+v", none)
	}
}

func TestConfig_ValidateReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	if err := (quarantine.Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
	bad := quarantine.Config{
		SpoolDir: "/", SpoolMaxBytes: 1, PollEvery: -1, WriteTimeout: -1, BatchMax: -1, KnownMax: 1, Worker: quarantine.Worker{Name: "w"},
		SnapshotEvery: 1,
	}
	err := bad.Validate()
	for _, field := range []string{"SpoolDir", "SpoolMaxBytes", "PollEvery", "WriteTimeout", "BatchMax", "KnownMax", "Worker", "SnapshotEvery"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not reported: %v", field, err)
		}
	}
	if !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("%v is not ErrInvalid", err)
	}
	if _, err := quarantine.New(newScript(), bad); !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("New took it: %v", err)
	}
	if _, err := quarantine.New(nil, quarantine.Config{}); !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("New took no store: %v", err)
	}
}
