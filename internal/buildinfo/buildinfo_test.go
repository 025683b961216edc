package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	setting := func(kv ...string) (s []debug.BuildSetting) {
		for i := 0; i < len(kv); i += 2 {
			s = append(s, debug.BuildSetting{Key: kv[i], Value: kv[i+1]})
		}
		return s
	}
	const hash = "3f2a91c04be75d1f0b6a6f0d1c2b3a4958677889"
	at := time.Date(2026, 11, 22, 20, 44, 0, 0, time.UTC)
	tests := []struct {
		name string
		in   debug.BuildInfo
		want Info
		text string
	}{
		{"Nothing", debug.BuildInfo{}, Info{Version: "(devel)"}, "(devel)"},
		{
			"NoVersionControl",
			debug.BuildInfo{GoVersion: "go1.26.1", Main: debug.Module{Version: "(devel)"}},
			Info{Version: "(devel)", Go: "go1.26.1"},
			"(devel) (go1.26.1)",
		},
		{
			"Release",
			debug.BuildInfo{
				GoVersion: "go1.26.1", Main: debug.Module{Version: "v1.4.0"},
				Settings: setting("vcs", "git", "vcs.revision", hash, "vcs.time", "2026-11-22T21:44:00+01:00", "vcs.modified", "false"),
			},
			Info{Version: "v1.4.0", Revision: hash, Time: at, Go: "go1.26.1"},
			"v1.4.0 (3f2a91c04be7, 2026-11-22T20:44:00Z, go1.26.1)",
		},
		{
			"ModifiedWithOddStamps",
			debug.BuildInfo{
				Main:     debug.Module{Version: "v1.4.0+dirty"},
				Settings: setting("vcs.revision", "77", "vcs.time", "yesterday", "vcs.modified", "true"),
			},
			Info{Version: "v1.4.0+dirty", Revision: "77", Modified: true},
			"v1.4.0+dirty (77, modified)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := from(&tt.in)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("from (-want +got):\n%s", diff)
			}
			if got.String() != tt.text {
				t.Errorf("String() = %q, want %q", got, tt.text)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	got := Read()
	if got.Version == "" || got.Go != runtime.Version() {
		t.Errorf("Read() = %+v, want a version and %s", got, runtime.Version())
	}
}
