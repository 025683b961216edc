package cli

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// TestScreens_Taken is how groups look that somebody has, or made quiet.
func TestScreens_Taken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		order, first, _ := b.seed()
		taken, quiet := b.groupOf(order), b.groupOf(first)
		b.wantCode(b.pipe("take", taken, "--reason", "asking the shop"), problem.None)
		b.wantCode(b.pipe("snooze", quiet, "--for", "24h"), problem.None)
		b.wantCode(b.pipe("release", taken), problem.None)
		b.wantCode(b.pipe("take", taken, "--reason", "again"), problem.None)
		b.wantCode(b.pipe("discard", "group:"+quiet, "--reason", "x", "--yes"), problem.None)
		<-time.After(time.Minute)
		b.goldens(map[string][]string{
			"taken-groups": {"groups"}, "taken-group": {"groups", taken}, "taken-quiet": {"groups", quiet}, "taken-why": {"why", order},
			"taken-plan": {"release", taken, quiet, "--dry-run"},
		})
		<-time.After(48 * time.Hour)
		b.wantSays(b.pipe("groups", "-o", "table"), "ana@laptop 2d")
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
