// Package buildinfo tells which build of the program is running, from what the go command wrote
// into the binary. It knows nothing that the linker would have to be told by hand.
package buildinfo

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// unversioned is what the go command calls the version of a main module built from a work tree
// without version control stamps.
const unversioned = "(devel)"

// Info describes a build. A field that the binary does not carry is zero: without version control
// stamps (go build -buildvcs=false, go run, go test) only Version and Go are known.
type Info struct {
	Version  string    // module version, such as v1.4.0 or a pseudo-version; never empty
	Revision string    // full commit hash
	Time     time.Time // time of that commit, UTC: the same sources give the same build
	Modified bool      // the work tree differed from the commit
	Go       string    // Go version, such as go1.26.1
}

// Read returns what the running binary carries.
func Read() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return from(build)
}

func from(build *debug.BuildInfo) Info {
	info := Info{Version: build.Main.Version, Go: build.GoVersion}
	if info.Version == "" {
		info.Version = unversioned
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Revision = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				info.Time = t.UTC()
			}
		}
	}
	return info
}

// String returns one line for people, such as
//
//	v1.4.0 (3f2a91c04be7, modified, 2026-11-22T20:44:00Z, go1.26.1)
//
// with the parts that are known.
func (i Info) String() string {
	var parts []string
	if i.Revision != "" {
		parts = append(parts, i.Revision[:min(12, len(i.Revision))])
	}
	if i.Modified {
		parts = append(parts, "modified")
	}
	if !i.Time.IsZero() {
		parts = append(parts, i.Time.UTC().Format(time.RFC3339))
	}
	if i.Go != "" {
		parts = append(parts, i.Go)
	}
	if len(parts) == 0 {
		return i.Version
	}
	return fmt.Sprintf("%s (%s)", i.Version, strings.Join(parts, ", "))
}
