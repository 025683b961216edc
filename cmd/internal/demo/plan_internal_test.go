package demo

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/internal/problem"
)

func TestPlan_OneMessageForEachWay(t *testing.T) {
	t.Parallel()
	breakerOpensAt := consumer.Policy{}.WithDefaults().Breaker.MinMessages
	rapid.Check(t, func(t *rapid.T) {
		p := plan{Run: "run", Seed: rapid.Uint64().Draw(t, "seed"), Messages: rapid.IntRange(minMessages, 100).Draw(t, "messages")}
		all, err := p.all()
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != p.Messages {
			t.Fatalf("%d messages, want %d", len(all), p.Messages)
		}
		seen, ids, failing := map[string]int{}, map[string]bool{}, map[string]int{subNotify: 1} // the one that is retried
		for _, m := range all {
			ids[m.id] = true
			if m.message.Attributes[idAttribute] != m.id {
				t.Fatalf("message %s says that it is %s", m.id, m.message.Attributes[idAttribute])
			}
			if m.way == nil {
				continue
			}
			seen[m.way.name]++
			failing[m.subscription]++
			if m.subscription != m.way.subscription {
				t.Fatalf("%s goes to %s, want %s", m.way.name, m.subscription, m.way.subscription)
			}
		}
		if len(ids) != p.Messages {
			t.Fatalf("%d different ids of %d messages", len(ids), p.Messages)
		}
		for _, w := range ways() {
			if seen[w.name] != 1 {
				t.Fatalf("%d messages fail by %s, want 1", seen[w.name], w.name)
			}
		}
		for sub, n := range failing {
			if n >= breakerOpensAt {
				t.Fatalf("%d messages of %s fail: its breaker would open", n, sub)
			}
		}
		again, err := p.all()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(all, again, func(a, b planned) bool { return reflect.DeepEqual(a.message, b.message) }) {
			t.Fatal("the same plan makes other messages")
		}
	})
}

func TestPlan_IsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := readPlan(dir); !errors.Is(err, errNoPlan) {
		t.Errorf("readPlan = %v, want errNoPlan", err)
	}
	want := newPlan(50, engineEmbedded, time.Now())
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if other := newPlan(50, engineEmbedded, time.Now()); other.Run == want.Run || other.Seed == want.Seed {
		t.Error("two plans are alike")
	}
}

func TestPlan_DamagedIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", "[]", `{"run":"","messages":100}`, `{"run":"r","messages":1}`, `{"run":"r","messages":2000000}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, planName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPlan(dir); problem.Of(err) != problem.Invalid {
			t.Errorf("%q: %v, want Invalid", text, err)
		}
	}
}
