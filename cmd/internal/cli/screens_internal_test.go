package cli

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/theriac/theriac/internal/problem"
)

// TestScreens compares every read, as a person, a pipe and a program see it, with its golden file.
func TestScreens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		order, first, _ := b.seed()
		group := b.pipe("groups", "sub:payments", "-o", "name").out
		reads := map[string][]string{
			"status": {}, "ls": {"ls"}, "ls-one": {"ls", "sub:payments", "--limit", "1"}, "show": {"show", order},
			"show-payload": {"show", order, "--payload"}, "show-binary": {"show", first}, "why": {"why", order},
			"groups": {"groups"}, "group": {"groups", strings.TrimSpace(group)},
		}
		b.goldens(reads)
	})
}

// goldens compares what commands print, in every form, with golden files of their names.
func (b *bench) goldens(reads map[string][]string) {
	b.Helper()
	for name, args := range reads {
		for suffix, r := range map[string]result{
			".screen.txt": b.screen(args...), ".pipe.txt": b.pipe(args...),
			".json": b.pipe(append(args, "-o", "json")...), ".jsonl": b.pipe(append(args, "-o", "jsonl")...),
		} {
			b.wantCode(r, problem.None)
			b.golden(name+suffix, r.out+r.err)
		}
	}
}
