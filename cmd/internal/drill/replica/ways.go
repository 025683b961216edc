package replica

import (
	"context"
	"slices"
	"time"
)

// Class is what a way of dying leaves behind, and so what may be asked of who looks at it.
type Class string

// The classes.
const (
	// Recovered ways do not kill the process: recover reaches them.
	Recovered Class = "recovered"
	// Traced ways kill it, and the Go runtime says where.
	Traced Class = "traced"
	// Silent ways kill it, and nobody says anything.
	Silent Class = "silent"
	// Hung ways never end by themselves.
	Hung Class = "hung"
)

// Expected is how a drill of a way must end for its message.
type Expected string

// The expectations.
const (
	// Held: the message is named and in quarantine.
	Held Expected = "held"
	// Unattributed: the death cannot be pinned on one message. Every candidate is named, nobody is
	// convicted, and the message itself ends as done.
	Unattributed Expected = "unattributed"
)

// Way is one way of dying.
type Way struct {
	// Name is what people type.
	Name string
	// Story is what the message does, in a few words.
	Story    string
	Class    Class
	Expected Expected
	// Stack: Go prints one.
	Stack bool
	// Company: it happens only beside other messages in the same process. Starter: an earlier message
	// must have started what dies.
	Company, Starter bool
	// Late: it dies after its handler has returned.
	Late bool
	// Memory: it needs a bound on the memory of its process.
	Memory bool
	// OwnTime: the handler itself takes a while to its death, and that counts apart.
	OwnTime bool

	act func(ctx context.Context, s *scene) error
}

// Kills reports whether it costs a process.
func (w Way) Kills() bool { return w.Class == Traced || w.Class == Silent }

// lateness is how long after its handler returned a late way dies: long enough for the message to be
// acknowledged.
const lateness = 200 * time.Millisecond

// Ways returns every way of dying, in the order of tables.
func Ways() []Way {
	return slices.Concat(recoveredWays(), tracedWays(), sharedWays(), silentWays(), hungWays())
}

// Find returns the way with a name.
func Find(name string) (Way, bool) {
	all := Ways()
	i := slices.IndexFunc(all, func(w Way) bool { return w.Name == name })
	if i < 0 {
		return Way{}, false
	}
	return all[i], true
}

func recoveredWays() []Way {
	way := func(name, story string, act func(context.Context, *scene) error) Way {
		return Way{Name: name, Story: story, Class: Recovered, Expected: Held, Stack: true, act: act}
	}
	return []Way{
		way("panic", "panics", panics),
		way("nil-dereference", "follows a nil pointer", dereferencesNil),
		way("deferred-panic", "panics in a deferred call", panicsDeferred),
		way("error-panic", "panics with an error whose Error method panics", panicsWithPanickingError),
		way("panic-nil", "panics with nil", panicsNil),
		way("goexit", "calls runtime.Goexit", exitsGoroutine),
	}
}

// tracedWays are those whose goroutine, or whose death alone, names them.
func tracedWays() []Way {
	way := func(name, story string, act func(context.Context, *scene) error) Way {
		return Way{Name: name, Story: story, Class: Traced, Expected: Held, Stack: true, act: act}
	}
	bounded := func(w Way) Way { w.Memory = true; return w }
	takesTime := func(w Way) Way { w.OwnTime = true; return w }
	return []Way{
		way("child-panic", "panics in a goroutine of its own", inChild(func(s *scene) { panic("a field that is always set was not" + s.tells()) })),
		way("grandchild-panic", "panics in a goroutine whose parent is gone", panicsInGrandchild),
		way("afterfunc-panic", "panics in a timer", panicsInTimer),
		way("close-twice", "closes a channel twice, in a goroutine of its own", inChild(closesTwice)),
		way("negative-make", "makes a slice of negative length, in a goroutine of its own", inChild(makesNegative)),
		way("map-write", "writes a map from two goroutines of its own", writesMap),
		way("unlock", "unlocks an unlocked mutex", unlocks),
		way("stack-overflow", "recurses without end", overflows),
		way("bad-pointer", "follows a bad pointer (SIGSEGV)", followsBadPointer),
		way("abort", "raises SIGABRT, as C libraries do", aborts),
		bounded(way("huge-make", "makes a slice of a terabyte, in a goroutine of its own", makesHuge)),
		takesTime(bounded(way("memory-growth", "takes memory until none is left", growsMemory))),
	}
}

// sharedWays cannot be pinned on one message.
func sharedWays() []Way {
	return []Way{
		{
			Name: "map-read", Story: "writes a map that all other messages read", Company: true,
			Class: Traced, Expected: Unattributed, Stack: true, act: writesShared,
		},
		{
			Name: "late-panic", Story: "succeeds, and panics afterwards in a goroutine it left behind", Late: true,
			Class: Traced, Expected: Unattributed, Stack: true, act: panicsLate,
		},
		{
			Name: "background-panic", Story: "succeeds, and breaks a goroutine that an earlier message started", Late: true, Starter: true,
			Class: Traced, Expected: Unattributed, Stack: true, act: breaksBackground,
		},
	}
}

func silentWays() []Way {
	way := func(name, story string, act func(context.Context, *scene) error) Way {
		return Way{Name: name, Story: story, Class: Silent, Expected: Held, act: act}
	}
	return []Way{
		way("os-exit", "calls os.Exit", exits),
		way("log-fatal", "calls log.Fatal", logsFatal),
		way("sigkill", "sends itself SIGKILL, as the OOM killer does", killsItself),
	}
}

func hungWays() []Way {
	way := func(name, story string, act func(context.Context, *scene) error) Way {
		return Way{Name: name, Story: story, Class: Hung, Expected: Held, Stack: true, OwnTime: true, act: act}
	}
	return []Way{
		way("hang-loop", "loops for ever", loops),
		way("hang-select", "waits for what never comes", blocks),
	}
}
