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

// FuzzIncidentArgs gives words to commands of incidents: each ends with a documented exit code, shows
// nothing harmful, and leaves every incident readable.
func FuzzIncidentArgs(f *testing.F) {
	for _, line := range []string{
		"update\x001\x00rolling back\x00--status\x00fixing\x00--next\x00none", "note\x001\x00\u202e\x00--at\x001h", "note\x001\x00--remove\x001",
		"edit\x001\x00--field\x00a=b\x00--resolved\x00", "follow-up\x00add\x001\x00x\x00--due\x002030-01-02", "action\x00done\x001\x00-1",
		"lead\x001\x00\x1b[2J", "role\x001\x00scribe\x00--nobody", "join\x001\x00ana\x00--as\x00king", "escalate\x001\x00--people\x00a,b\x00--reason\x00x",
		"call-off\x001\x009999999999999999999\x00--reason\x00x", "import\x00x\x00--reported\x003h\x00--resolved\x002h", "list\x00person:a\x00--after\x00INC-1",
		"timeline\x001\x00--after\x00-5\x00--all", "nudge\x00snooze\x001\x00update\x00--for\x0090m", "people\x00add\x00a\x00--name\x00b", "token\x00create\x00x\x00--expires\x001ns",
		"severity\x001\x00critical\x00--if-version\x007", "private\x001", "attach\x001\x00http://\xff", "merge\x002\x00--into\x001", "settings\x00get",
	} {
		f.Add(line)
	}
	known := map[int]bool{}
	for _, kind := range problem.Kinds() {
		known[kind.ExitCode()] = true
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "put") || strings.Contains(line, "-dir") || strings.Contains(line, "sqlite:") || strings.Contains(line, "-w") {
			t.Skip("works on files, or goes on for ever")
		}
		b := newBench(t)
		b.environ = append(b.environ, "THERIAC_DATA_DIR="+t.TempDir())
		b.pipe("incident", "declare", "checkout is down")
		b.pipe("incident", "declare", "odd numbers", "--triage")
		args := append([]string{"incident"}, strings.Split(line, "\x00")...)
		r := b.pipe(args...)
		if !known[r.code] || r.code == problem.Internal.ExitCode() {
			t.Errorf("%q: exit code %d: %s", args, r.code, r.err)
		}
		requireHarmless(t, args, r.out+r.err)
		for _, look := range [][]string{{"show", "1"}, {"timeline", "1", "--all"}, {"list", "stage:all"}} {
			r := b.screen(append([]string{"incident", "--no-color"}, look...)...)
			if r.code != 0 {
				t.Errorf("%v after %q: exit code %d: %s", look, args, r.code, r.err)
			}
			requireHarmless(t, look, r.out+r.err)
		}
	})
}
