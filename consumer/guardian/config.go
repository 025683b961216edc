package guardian

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers/redact"
)

// Config says which roles there are and how they are looked after. Only Roles is required.
type Config struct {
	// Roles are the children, 1 to 16. They are started in this order, all at once. The
	// first with Slots also takes in the deaths of those without.
	Roles []RoleConfig

	// StateDir is the folder for what must outlive a crash: the tables of what is in
	// flight and the crash records, with copies of messages, for this user's eyes
	// only. It belongs to one guardian at a time; on a volume that outlives the
	// container, a death of the whole container names its suspects too. Required if
	// any role has Slots.
	StateDir string

	// Relay lets children hand HTTP requests to the guardian ([Role.Transport]), which
	// delivers them although the child dies in the same millisecond. What cannot be
	// delivered at once is spooled in StateDir, if there is one.
	Relay bool

	// Build names the program's version in crash records, at most 128 bytes. Default:
	// the version of the main module, as the go command wrote it into the binary.
	Build string

	// StopTimeout is how long children may take to end after they were told to,
	// before they are killed. Default 60 s.
	StopTimeout time.Duration

	// RestartLimit is how many times in a row a role may die before it is ready;
	// then, if no other role is ready, the guardian gives up. Default 8, which
	// with the default pauses takes half a minute.
	RestartLimit int

	// RestartPause is the pause after the second death before ready; it doubles
	// with each further one. The first restart has none. Default 250 ms.
	RestartPause time.Duration

	// MaxRestartPause bounds that pause. Default 30 s.
	MaxRestartPause time.Duration

	// Redact says which texts of panics may stand in logs and on standard error, where
	// the last words of a dying child are passed on. Nil: those of the runtime and the
	// standard library. The crash records have all of them.
	Redact *redact.Redactor

	// RawStderr passes on and logs the texts of panics as they are.
	RawStderr bool

	// Logger hears of starts, deaths and decisions. Default slog.Default.
	Logger *slog.Logger
}

// RoleConfig is one child.
type RoleConfig struct {
	// Name is what Run's function is given and what people see. Required, unique,
	// lower-case letters, digits and dashes.
	Name string

	// Slots is how many handlers may run at once in the role: the sum of MaxRunning
	// over its consumers, at most 4096. 0, the default: the role runs no handlers,
	// and no death of it is a message's fault.
	Slots int

	// Wards is how many messages of the role may run alone at once, each in a
	// process of its own: those that killed their process, or may have. One is kept
	// warm. At most 64; negative: none. Default 8 in a role with Slots, else none.
	Wards int

	// MemoryLimit is how much memory a process of the role, its wards included, may
	// have, in bytes. At 85 % of it the guardian ends the process with a trace, and
	// its messages that were allocating are suspects; the process itself asks the
	// collector to work hard from 80 % on, unless GOMEMLIMIT is set, and the kernel
	// to refuse private memory beyond the limit (Linux: RLIMIT_DATA, which processes
	// that it starts inherit, each for itself). At least 32 MB. 0, the default: what
	// the container allows, to all roles together; the largest is ended then.
	// Negative: no limit, whatever the container's is.
	MemoryLimit int64

	// ReadyTimeout is how long the role may take from its start until it calls
	// [Role.Ready]. Default 60 s.
	ReadyTimeout time.Duration

	// HangTimeout is how long a process of a role with Slots may do nothing at all,
	// not even say once a second that it lives, before it is ended with a trace. A
	// handler that hangs does not stop that; a process that is stopped (SIGSTOP)
	// does. Default 15 s; negative: never.
	HangTimeout time.Duration
}

const (
	maxRoles = 16
	maxWards = 64
	// defaultWards lets 200 suspects of 20 ms each run within half a second.
	defaultWards = 8
	maxBuild     = 128
	// minMemory is what a process needs to be born.
	minMemory = 32 << 20
)

func (c Config) withDefaults() Config {
	c.Roles = append([]RoleConfig(nil), c.Roles...)
	for i := range c.Roles {
		if c.Roles[i].ReadyTimeout == 0 {
			c.Roles[i].ReadyTimeout = time.Minute
		}
		if c.Roles[i].HangTimeout == 0 {
			c.Roles[i].HangTimeout = 15 * time.Second
		}
		if c.Roles[i].Wards == 0 && c.Roles[i].Slots > 0 {
			c.Roles[i].Wards = defaultWards
		}
		c.Roles[i].Wards = max(c.Roles[i].Wards, 0)
	}
	if c.Build == "" {
		c.Build = mainVersion()
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = time.Minute
	}
	if c.RestartLimit == 0 {
		c.RestartLimit = 8
	}
	if c.RestartPause == 0 {
		c.RestartPause = 250 * time.Millisecond
	}
	if c.MaxRestartPause == 0 {
		c.MaxRestartPause = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Validate joins all that is wrong with the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("guardian.Config."+format, args...))
	}
	if n := len(c.Roles); n < 1 || n > maxRoles {
		wrong("Roles has %d: want 1 to %d", n, maxRoles)
	}
	seen := make(map[string]bool)
	for i, r := range c.Roles {
		if !validName(r.Name) {
			wrong("Roles[%d].Name is %q: want 1 to 40 lower-case letters, digits and dashes", i, r.Name)
		}
		if seen[r.Name] {
			wrong("Roles[%d].Name is %q, as another's is: give each role its own", i, r.Name)
		}
		seen[r.Name] = true
		if r.Slots < 0 || r.Slots > inflight.MaxSlots {
			wrong("Roles[%d].Slots is %d: want 0 to %d", i, r.Slots, inflight.MaxSlots)
		}
		if r.Slots > 0 && c.StateDir == "" {
			wrong("StateDir is empty: role %s runs handlers, so name a folder for what must outlive a crash", r.Name)
		}
		if r.Wards > maxWards {
			wrong("Roles[%d].Wards is %d: want at most %d", i, r.Wards, maxWards)
		}
		if r.Wards > 0 && r.Slots == 0 {
			wrong("Roles[%d].Wards is %d: a role without Slots runs no messages, and needs none", i, r.Wards)
		}
		if r.MemoryLimit > 0 && r.MemoryLimit < minMemory {
			wrong("Roles[%d].MemoryLimit is %d: want at least %d bytes, 0 for the container's, or less for none", i, r.MemoryLimit, minMemory)
		}
		if r.HangTimeout >= 0 && r.HangTimeout < 2*time.Second {
			wrong("Roles[%d].HangTimeout is %v: want 2 s or more, or a negative number for never", i, r.HangTimeout)
		}
		if r.ReadyTimeout < 0 {
			wrong("Roles[%d].ReadyTimeout is %v: want more than 0", i, r.ReadyTimeout)
		}
	}
	if len(c.Build) > maxBuild {
		wrong("Build has %d bytes: want at most %d", len(c.Build), maxBuild)
	}
	if c.StopTimeout < 0 {
		wrong("StopTimeout is %v: want more than 0", c.StopTimeout)
	}
	if c.RestartLimit < 0 {
		wrong("RestartLimit is %d: want 1 or more", c.RestartLimit)
	}
	if c.RestartPause < 0 || c.MaxRestartPause < c.RestartPause {
		wrong("RestartPause is %v and MaxRestartPause %v: want 0 < RestartPause <= MaxRestartPause", c.RestartPause, c.MaxRestartPause)
	}
	return errors.Join(problems...)
}

// mainVersion is a version such as v1.4.0, or "(devel)" for a build that has none.
func mainVersion() string {
	build, ok := debug.ReadBuildInfo()
	if !ok || build.Main.Version == "" {
		return "(devel)"
	}
	return build.Main.Version[:min(len(build.Main.Version), maxBuild)]
}

// workers are the roles with Slots.
func (c Config) workers() (names []string) {
	for _, r := range c.Roles {
		if r.Slots > 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

func (c Config) role(name string) (RoleConfig, bool) {
	for _, r := range c.Roles {
		if r.Name == name {
			return r, true
		}
	}
	return RoleConfig{}, false
}

func validName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return name != "" && len(name) <= 40
}
