//go:build unix

package ward

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

// damage rewrites a file.
func damage(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, how(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flipAt(find string) func([]byte) []byte {
	return func(data []byte) []byte {
		data[bytes.Index(data, []byte(find))+1] ^= 0x10
		return data
	}
}

// TestOpen_DamagedRecords: what cannot be read is left and said, nobody is charged with it, and the rest
// works.
func TestOpen_DamagedRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deaths"), 0o700); err != nil {
		t.Fatal(err)
	}
	whole := keep(t, dir, "whole", "worker", nil)
	cut := keep(t, dir, "cut", "worker", nil)
	damage(t, cut, func(data []byte) []byte { return data[:bytes.Index(data, []byte("cut-culprit"))] })
	flipped := keep(t, dir, "flipped", "worker", nil)
	damage(t, flipped, flipAt("flipped-culprit"))
	later := keep(t, dir, "later", "worker", nil) // its messages are damaged, not what it says of them
	damage(t, later, flipAt("data of later-culprit"))
	half := keep(t, dir, "half", "worker", nil)
	damage(t, half, func(data []byte) []byte { return data[:bytes.Index(data, []byte("data of half-suspect"))] })
	other := keep(t, dir, "other", "other", nil)
	hostile := keep(t, dir, "hostile", "worker", func(r *crashrecord.Record) {
		r.Messages[0].Attributes = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
		r.Messages[1].AckToken = bytes.Repeat([]byte{0}, 32<<10)
	})
	empty := filepath.Join(dir, "deaths", crashrecord.NewID(died)+".crash")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	lines := runProgram(t, dir, "run 5:")
	var got []string
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "suspect "); ok {
			var f found
			if err := json.Unmarshal([]byte(text), &f); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s copy=%t charged=%t token=%d", f.ID, f.Copy, f.Charged, f.Token))
		}
	}
	slices.Sort(got)
	want := []string{
		"half-culprit copy=true charged=true token=5",
		"half-suspect copy=false charged=false token=0",
		"hostile-culprit copy=false charged=true token=5",
		"hostile-suspect copy=true charged=false token=32768",
		"later-culprit copy=false charged=true token=0",
		"later-suspect copy=true charged=false token=5",
		"whole-culprit copy=true charged=true token=5",
		"whole-suspect copy=true charged=false token=5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("suspects (-want +got):\n%s\n%.3000s", diff, strings.Join(lines, "\n"))
	}
	all := strings.Join(lines, "\n")
	for _, path := range []string{cut, flipped, empty} {
		id := idOf(path)
		if n := strings.Count(all, "it is left where it is, and nobody is charged with it\" record="+id); n != 1 {
			t.Errorf("record %s: that it cannot be read is said %d times, not once:\n%.3000s", id, n, all)
		}
	}
	for _, path := range []string{later, half} {
		if id := idOf(path); !strings.Contains(all, "what can be believed is used\" record="+id) {
			t.Errorf("record %s: nothing is said of its damage", id)
		}
	}
	for _, path := range []string{cut, flipped, empty, other} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a record that nobody took in is gone: %v", err)
		}
	}
	for _, path := range []string{whole, later, half, hostile} {
		if _, err := os.Stat(path); !os.IsNotExist(err) || !strings.Contains(all, "told of "+idOf(path)) {
			t.Errorf("a record that was told and settled is still there: %v", err)
		}
	}
}

func idOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".crash") }

// TestOpen_DeathsOfRolesWithoutHandlers are told of by the first worker, those that it lives to see
// included, and those of another worker are not.
func TestOpen_DeathsOfRolesWithoutHandlers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deaths"), 0o700); err != nil {
		t.Fatal(err)
	}
	blameless := func(r *crashrecord.Record) { r.Culprit, r.Suspects, r.Messages, r.Tier = nil, nil, nil, "N" }
	web := keep(t, dir, "web", "web", blameless)
	gone := keep(t, dir, "gone", "gone", blameless)
	other := keep(t, dir, "other", "other", blameless)
	if err := os.WriteFile(filepath.Join(dir, "web waits"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := runProgram(t, dir, "web died: panic: the web is torn")
	all := strings.Join(lines, "\n")
	for _, path := range []string{web, gone} {
		if _, err := os.Stat(path); !os.IsNotExist(err) || !strings.Contains(all, "told of "+idOf(path)) {
			t.Errorf("a death that the worker was to tell of: %v\n%.3000s", err, all)
		}
	}
	if _, err := os.Stat(other); err != nil || strings.Contains(all, idOf(other)) {
		t.Errorf("the death of another worker: %v\n%.3000s", err, all)
	}
}

// TestOpen_WhatWasEnded is no death: nobody is suspected, and only its spans are told of.
func TestOpen_WhatWasEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deaths"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := keep(t, dir, "ended", "worker", func(r *crashrecord.Record) {
		r.Ended, r.Bystanders, r.Suspects, r.Culprit, r.Messages = true, r.Suspects, nil, nil, nil
		r.Bystanders[0].TraceID = "trace"
	})
	lines := runProgram(t, dir, "ended")
	want := "ended " + idOf(path) + " 1 trace"
	if !slices.Contains(lines, want) || !slices.Contains(lines, "bystanders 0") {
		t.Errorf("it said %q, want %q", lines, want)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "suspect") || strings.HasPrefix(line, "told of") {
			t.Errorf("it said %q", line)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the record is left: %v", err)
	}
}

// TestFoundRecord_AtOnce: the death of a ward is found by who waits for its answer, and by who looks now and
// then. It is one death.
func TestFoundRecord_AtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"deaths", "hidden"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := keep(t, dir, "alone", "worker", nil)
	if err := os.Rename(path, filepath.Join(dir, "hidden", filepath.Base(path))); err != nil {
		t.Fatal(err)
	}
	if lines := runProgram(t, dir, "run 5:"); !slices.Contains(lines, "taken in 1 times") {
		t.Errorf("it said %q", lines)
	}
}

// TestRunAlone_DamagedAnswers: each is an error, which makes the message wait, and the ward is asked again.
func TestRunAlone_DamagedAnswers(t *testing.T) {
	t.Parallel()
	last := len(damagedBodies())
	for _, line := range runProgram(t, t.TempDir(), fmt.Sprintf("run %d:", last)) {
		var n int
		if _, err := fmt.Sscanf(line, "run %d:", &n); err != nil {
			continue
		}
		want := "outcome ok, error ward: "
		if n == last {
			want = "outcome failed, error <nil>"
		}
		if !strings.Contains(line, want) {
			t.Errorf("%s; want %s", line, want)
		}
	}
}
