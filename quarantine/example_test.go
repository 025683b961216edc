package quarantine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// A consumer gives a message that failed too often, and a person decides.
func Example() {
	ctx := context.Background()
	room, err := quarantine.New(quarantinetest.NewStore(), quarantine.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}

	ref, err := room.Quarantine(ctx, "orders",
		handlers.Message{ID: "1284933119027", Data: []byte(`{"customer":null}`)},
		handlers.Evidence{
			Reason:  handlers.ReasonFailed,
			Totals:  handlers.Totals{Failures: 5},
			Attempt: handlers.Attempt{Outcome: handlers.OutcomePanicked, Panic: "runtime error: invalid memory address or nil pointer dereference", Handler: "orders"},
		})
	if err != nil {
		fmt.Println(err) // not durable: the message must not be acknowledged
		return
	}

	entry, err := room.EntryGet(ctx, quarantine.EntryKey{Ref: ref}, quarantine.GetOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	group, err := room.GroupGet(ctx, entry.Group)
	if err != nil {
		fmt.Println(err)
		return
	}
	why := quarantine.Explain(entry, group, time.Now())
	fmt.Println(why.Kind)
	fmt.Println(why.LikeIt == "nothing else in "+entry.Group)

	entry, err = room.EntryDiscard(ctx, entry, quarantine.Decision{
		Actor: quarantine.Actor{Name: "ana@laptop", Via: "cli"}, Reason: "test order, customer removed",
	})
	fmt.Println(entry.State, err)

	// Output:
	// panicked: nil pointer dereference
	// true
	// discarded <nil>
}
