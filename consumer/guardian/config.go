package guardian

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says which roles there are and how they are looked after. Only Roles is required.
type Config struct {
	// Roles are the children, 1 to 16. They are started in this order, all at once.
	Roles []RoleConfig

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

	// Logger hears of starts, deaths and decisions. Default slog.Default.
	Logger *slog.Logger
}

// RoleConfig is one child.
type RoleConfig struct {
	// Name is what Run's function is given and what people see. Required, unique,
	// lower-case letters, digits and dashes.
	Name string

	// ReadyTimeout is how long the role may take from its start until it calls
	// [Role.Ready]. Default 60 s.
	ReadyTimeout time.Duration
}

const maxRoles = 16

func (c Config) withDefaults() Config {
	c.Roles = append([]RoleConfig(nil), c.Roles...)
	for i := range c.Roles {
		if c.Roles[i].ReadyTimeout == 0 {
			c.Roles[i].ReadyTimeout = time.Minute
		}
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
		if r.ReadyTimeout < 0 {
			wrong("Roles[%d].ReadyTimeout is %v: want more than 0", i, r.ReadyTimeout)
		}
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
