package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	role := ""
	if len(args) > 0 {
		role = args[0]
	}
	switch role {
	case roleBroker:
		return playBroker(os.Stdin, os.Stdout)
	case roleWorker:
		return playWorker(os.Stdin, os.Stdout)
	default:
		return runParent(ctx, args, os.Stdout, os.Stderr)
	}
}

// options are the parent's flags.
type options struct {
	plan
	json bool
}

func runParent(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	stores, err := newStores(ctx, o.stacks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.close()) }()
	results, err := compare(ctx, o.plan, stores)
	if err != nil {
		return err
	}
	rows := summarize(results)
	if err := printTable(out, rows); err != nil || !o.json {
		return err
	}
	return printJSON(out, rows)
}

func parse(args []string, progress io.Writer) (options, error) {
	o := options{plan: plan{progress: progress}}
	var one Setting
	var names string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.IntVar(&o.rounds, "rounds", 7, "how often every stack is measured")
	flags.Int64Var(&o.messages, "messages", 0, "messages in each measured window (default: about two seconds' worth)")
	flags.IntVar(&one.Streams, "streams", 0, "compare in one setting, with so many streams")
	flags.IntVar(&one.Outstanding, "outstanding", 0, "compare in one setting, with so many messages outstanding")
	flags.StringVar(&names, "stacks", strings.Join(stacks(), ","), "what to compare, with raw as the measure")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of each worker's last window to this path and the stack's name")
	flags.BoolVar(&o.json, "json", false, "print one object as the last line")
	if err := flags.Parse(args); err != nil {
		return options{}, errors.Join(err, flag.ErrHelp)
	}
	o.settings = settings(one)
	o.stacks = strings.Split(names, ",")
	return o, o.check(flags.Args())
}

// settings are the two that the bounds are promised for, or the one asked for.
func settings(one Setting) []Setting {
	if one == (Setting{}) {
		return []Setting{{Streams: 4, Outstanding: 10_000}, {Streams: 1, Outstanding: 1000}}
	}
	if one.Streams == 0 {
		one.Streams = 4
	}
	if one.Outstanding == 0 {
		one.Outstanding = 10_000
	}
	return []Setting{one}
}

func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is no argument of this program: see --help", rest[0])
	case o.rounds < 1 || o.messages < 0 || o.settings[0].Streams < 1 || o.settings[0].Outstanding < 1:
		return errors.New("--rounds, --messages, --streams and --outstanding must be positive")
	}
	for _, name := range o.stacks {
		if !slices.Contains(stacks(), name) {
			return fmt.Errorf("there is no stack %q: choose from %s", name, strings.Join(stacks(), ","))
		}
	}
	return nil
}
