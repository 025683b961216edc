package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// TestMain plays the roles that the tests start, like main.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == roleBroker || os.Args[1] == roleWorker) {
		if err := run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestBench runs everything once, small: the real broker, workers and stores.
func TestBench(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"Receiving", []string{"--rounds", "1", "--messages", "200", "--streams", "1", "--outstanding", "100", "--json"}, len(stacks())},
		{"Commands", []string{commandsCommand, "--rounds", "1", "--json"}, 1 + len(ours())},
		{"Holding", []string{quarantineCommand, "--rounds", "1", "--messages", "200", "--json"}, len(ours())},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, progress bytes.Buffer
			if err := runParent(t.Context(), c.args, &out, &progress); err != nil {
				t.Fatalf("%v\n%s", err, progress.String())
			}
			var got struct {
				Rows []struct {
					Rate    float64 `json:"msgs_per_s"`
					Entries float64 `json:"entries_per_s"`
					Median  float64 `json:"median_ms"`
				}
			}
			if err := json.Unmarshal([]byte(lastLine(out.String())), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Rows) != c.want {
				t.Fatalf("%d rows, want %d:\n%s", len(got.Rows), c.want, out.String())
			}
			for _, r := range got.Rows {
				if r.Rate+r.Entries+r.Median <= 0 {
					t.Errorf("nothing was measured:\n%s", out.String())
				}
			}
		})
	}
}
