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

// runParent measures what args ask for; tables and JSON go to out.
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
	if o.commands {
		return timeCommands(ctx, o, stores, out)
	}
	results, err := compare(ctx, o.plan, stores)
	if err != nil {
		return err
	}
	if o.poison {
		return reportHolding(out, results, o.json)
	}
	return reportReceiving(out, results, o.json)
}

// options are the parent's arguments.
type options struct {
	plan
	commands bool
	json     bool
}

// What is measured instead of messages that succeed.
const (
	quarantineCommand = "quarantine" // how fast poison is held
	commandsCommand   = "commands"   // how fast commands of people answer
)

func parse(args []string, progress io.Writer) (options, error) {
	o := options{plan: plan{rounds: 7, progress: progress}}
	names, more := stacks(), others()
	switch {
	case len(args) > 0 && args[0] == quarantineCommand:
		args, names, more = args[1:], ours(), nil
		o.poison, o.rounds, o.messages = true, 3, 10_000
	case len(args) > 0 && args[0] == commandsCommand:
		args, names, more = args[1:], ours(), nil
		o.commands, o.rounds = true, 21
	}
	var one Setting
	var chosen string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() { usage(flags) }
	flags.IntVar(&o.rounds, "rounds", o.rounds, "how often every stack is measured")
	flags.Int64Var(&o.messages, "messages", o.messages, "`number` in each measured window (default: a second's worth or two)")
	flags.IntVar(&one.Streams, "streams", 0, "compare in one setting, with so many streams (default 4)")
	flags.IntVar(&one.Outstanding, "outstanding", 0, "compare in one setting, with so many messages outstanding (default 10,000)")
	flags.StringVar(&chosen, "stacks", strings.Join(names, ","), "what to compare, with raw as the measure")
	flags.StringVar(&o.profile, "cpuprofile", "", "write CPU profiles of the last windows to this `path`, a dot and the stack's name")
	flags.BoolVar(&o.json, "json", false, "print one object as the last line")
	if err := flags.Parse(args); err != nil {
		return options{}, errors.Join(err, flag.ErrHelp)
	}
	o.settings = settings(one, o.poison)
	o.stacks = strings.Split(chosen, ",")
	return o, o.check(append(names, more...), flags.Args())
}

func usage(flags *flag.FlagSet) {
	fmt.Fprint(flags.Output(), `Compare the cost of a message with the raw client and others, or measure how
fast poison is held, or how fast commands answer.

  bench [flags]
  bench quarantine [flags]
  bench commands [flags]

`)
	flags.PrintDefaults()
}

// settings are the two that the bounds are promised for, or the one asked for.
func settings(one Setting, poison bool) []Setting {
	if one == (Setting{}) && !poison {
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

func (o options) check(names, rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is no argument of this program: see --help", rest[0])
	case o.rounds < 1 || o.messages < 0 || o.settings[0].Streams < 1 || o.settings[0].Outstanding < 1:
		return errors.New("--rounds, --messages, --streams and --outstanding must be positive")
	}
	for _, name := range o.stacks {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no stack %q here: choose from %s", name, strings.Join(names, ","))
		}
	}
	return nil
}
