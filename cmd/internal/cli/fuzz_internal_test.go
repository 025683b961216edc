package cli

import (
	"strings"
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
)

// FuzzArgs gives command lines nobody would type: each ends with a documented exit code, shows
// nothing harmful, and holds what it held unless it was told to discard.
func FuzzArgs(f *testing.F) {
	for _, line := range []string{
		"", "ls\x00state:all\x00-o\x00json", "show\x00Q-\x00--payload", "why\x00\x1b[2J", "ls\x00--jq\x00.entries[0]",
		"groups\x00G-0", "replay\x00group:", "discard\x00-\x00--reason\x00x", "--store\x00postgres://\xff", "help\x00query",
		"ls\x00since:9999999999999999d", "ls\x00larger:99999999999999999999M", "__complete\x00ls\x00sub:", "--\x00ls", "-o", "crashes\x00C-", "crashes\x00--since\x00-1d", "suspects\x00--all\x00--crash\x00C", "migrate\x00up",
		"take\x00G-", "snooze\x00G-YJKW\x00--for\x009w", "snooze\x00-\x00--for\x00\xff", "release\x00group:",
		"incident", "inc\x00declare\x00x\x00--severity\x00\xff", "incident\x00list\x00status:fixing\x00stage:all\x00field:a=b", "incident\x00show\x00INC-",
		"incident\x00note\x001\x00x\x00--at\x00-1d", "incident\x00escalate\x001\x00--people\x00,\x00--reason\x00x", "incident\x00token\x00create\x00\u202e",
		"incident\x00people\x00add\x00a\x00--name\x00b\x00--zone\x00/etc", "incident\x00task\x00done\x001\x00x", "inc\x00merge\x001\x00--into\x001", "incident\x00edit\x001\x00--field\x00=",
	} {
		f.Add(line)
	}
	known := map[int]bool{}
	for _, kind := range problem.Kinds() {
		known[kind.ExitCode()] = true
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		if strings.HasPrefix(line, "completion") || strings.Contains(line, "-w") || strings.Contains(line, "data-dir") || strings.Contains(line, "state-dir") || strings.Contains(line, "sqlite:") || strings.Contains(line, "put") {
			t.Skip("prints a script, goes on for ever, or works on files")
		}
		b := newBench(t)
		b.environ = append(b.environ, "THERIAC_DATA_DIR="+t.TempDir())
		b.report(namedDeath(1, flight(handlers.PartCulprit, "orders", message("m-2", ""), "")))
		b.hold("orders", message("m-1", `{"a":1}`), badCard(1))
		b.pipe("incident", "declare", "checkout is down")
		r := b.pipe(args...)
		shell := strings.Contains(line, "__complete") // cobra's own errors have no kind, and no reader
		if !known[r.code] || r.code == problem.Internal.ExitCode() && !shell {
			t.Errorf("%q: exit code %d: %s", args, r.code, r.err)
		}
		requireHarmless(t, args, r.out+r.err)
	})
}
