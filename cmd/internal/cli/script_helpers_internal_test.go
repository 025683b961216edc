package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// store is a store that is closed after use.
type store interface {
	quarantine.Store
	io.Closer
}

// openStore opens the Postgres store of the environment, or makes the data directory's own.
func openStore(ctx context.Context) (store, error) {
	if address := os.Getenv("THERIAC_STORE"); strings.HasPrefix(address, "postgres") {
		return quarantinepg.Open(ctx, quarantinepg.Config{URL: address})
	}
	dir := "theriac-data"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return quarantinelite.Open(ctx, quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
}

// seeding runs f on the quarantine of the environment, for a helper that is given SUBSCRIPTION COUNT TEXT;
// text is TEXT with the escapes of Go in it read.
func seeding(ctx context.Context, name string, args []string, f func(room *quarantine.Service, sub string, count int, text string) error) (err error) {
	if len(args) != 3 {
		return fmt.Errorf("usage: %s SUBSCRIPTION COUNT TEXT", name)
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	text, err := strconv.Unquote(`"` + args[2] + `"`)
	if err != nil {
		return fmt.Errorf("text %q: %w", args[2], err)
	}
	store, err := openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	room, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		return err
	}
	return f(room, args[0], count, text)
}

// seed holds messages: seed SUBSCRIPTION COUNT TEXT. All failed with the text and carry it.
func seed(ctx context.Context, args []string) error {
	return seeding(ctx, "seed", args, func(room *quarantine.Service, sub string, count int, text string) error {
		for i := range count {
			if err := holdFailed(ctx, room, sub, fmt.Sprintf("%s-%d", sub, i+1), text); err != nil {
				return err
			}
		}
		return nil
	})
}

func holdFailed(ctx context.Context, room *quarantine.Service, sub, id, text string) error {
	begun := time.Now()
	m := handlers.Message{
		ID: id, Data: fmt.Appendf(nil, `{"text":%q,"n":1}`, text), PublishedAt: begun,
		Attributes: map[string]string{"text": text},
	}
	ref, err := room.Quarantine(ctx, sub, m, handlers.Evidence{
		Reason: handlers.ReasonPermanent, Confidence: handlers.ConfidenceCertain, Totals: handlers.Totals{Failures: 1},
		Attempt: handlers.Attempt{
			Started: begun, Ended: begun, Outcome: handlers.OutcomeFailed, Class: handlers.ClassPermanent,
			Errors:  []handlers.ErrorLink{{Type: "*errors.errorString", Text: text}},
			Handler: sub + ".Handle", Worker: "w-1", Host: "node-3", Build: "v1.2.3",
		},
	})
	if err == nil {
		fmt.Println(ref)
	}
	return err
}

// seedDeath reports the death of a worker: seeddeath SUBSCRIPTION COUNT TEXT. It had as many messages
// in flight, and its panic, stack and last words carry the text. The first message is held, the second
// cleared; the others wait.
func seedDeath(ctx context.Context, args []string) error {
	return seeding(ctx, "seeddeath", args, func(room *quarantine.Service, sub string, count int, text string) error {
		var messages []handlers.Message
		c := namedDeath(os.Getpid())
		c.Tier, c.Reason, c.Text, c.Stderr = "B", "the goroutine that died may only have noticed", "fatal error: "+text, text+"\n"
		c.Stack = "goroutine 86 [running labels:{\"theriac\": \"12.4711\"}]:\n" + text + "\n"
		for n := range count {
			m := handlers.Message{ID: fmt.Sprintf("%s-%d", sub, n+1), Data: []byte(text), PublishedAt: time.Now()}
			messages = append(messages, m)
			c.InFlight = append(c.InFlight, flight(handlers.PartSuspect, sub, m, "running"))
		}
		if err := room.ReportCrash(ctx, c); err != nil {
			return err
		}
		for n, m := range messages[:min(count, 2)] {
			if n == 0 {
				ref, err := room.Quarantine(ctx, sub, m, crashed(2))
				if err != nil {
					return err
				}
				fmt.Println(ref)
			}
			if err := room.SettleSuspect(ctx, sub, m, []handlers.Fate{handlers.FateHeld, handlers.FateCleared}[n]); err != nil {
				return err
			}
		}
		return nil
	})
}

// withWorker runs a command while a worker serves a subscription: withworker SUBSCRIPTION ok|fail
// COMMAND [ARG...]. The worker ends every replay as it was told.
func withWorker(ctx context.Context, args []string) (err error) {
	if len(args) < 3 {
		return errors.New("usage: withworker SUBSCRIPTION ok|fail COMMAND [ARG...]")
	}
	sub, ends := args[0], map[string]handlers.Outcome{"ok": handlers.OutcomeOK, "fail": handlers.OutcomeFailed}[args[1]]
	store, err := openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	room, err := quarantine.New(store, quarantine.Config{
		Worker: quarantine.Worker{Name: "w-1", Host: "node-3", Build: "v1.2.4", PID: os.Getpid(), Subscriptions: []string{sub}},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var command error
	err = runner.Run(ctx, room.Run,
		func(ctx context.Context) error {
			return replayAll(ctx, room, sub, func(handlers.Replay) handlers.Outcome { return ends })
		},
		func(ctx context.Context) error {
			defer cancel()
			if err := awaitWorker(ctx, room); err != nil {
				return err
			}
			c := exec.CommandContext(ctx, args[2], args[3:]...)
			c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
			command = c.Run()
			return nil
		})
	return errors.Join(command, err)
}

// awaitWorker returns when the store knows a living worker.
func awaitWorker(ctx context.Context, room *quarantine.Service) error {
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := room.Status(ctx)
		if err != nil {
			return err
		}
		for _, w := range status.Workers {
			if w.Alive {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
		}
	}
}
