package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/theriac/theriac/internal/problem"
)

// Flags are the settings that the command line can give; empty means not given.
type Flags struct {
	Store, Broker, DataDir, Context string
}

// Settings are the result. They are not changed after Load.
type Settings struct {
	// Store and Broker are what the commands work on.
	Store, Broker Endpoint
	// DataDir is the data directory of the embedded engines.
	DataDir string
	// Author is who acts, as claimed: THERIAC_ACTOR, else user@host.
	Author string
	// Context is the chosen context, or "". ReadOnly refuses every write; Prod is said in words on
	// every write.
	Context        string
	ReadOnly, Prod bool
	// Look is what the environment says about colour.
	Look Look
}

// variables are the environment's names. The doc tag is what `theriac help environment` prints.
type variables struct {
	Store    string `env:"THERIAC_STORE" doc:"store URL: postgres://…, sqlite:PATH or sqlite:///PATH"`
	Broker   string `env:"THERIAC_BROKER" doc:"broker URL: nats://… or pubsub://PROJECT"`
	DataDir  string `env:"THERIAC_DATA_DIR" envDefault:"./theriac-data" doc:"data directory of the embedded engines (default ./theriac-data)"`
	Actor    string `env:"THERIAC_ACTOR" doc:"who you are, stored with every change as claimed (default user@host)"`
	Context  string `env:"THERIAC_CONTEXT" doc:"name of a context: a file NAME.env with these same names in ~/.config/theriac"`
	ReadOnly bool   `env:"READ_ONLY" doc:"1 in a context file: every command that changes something is refused"`
	Prod     bool   `env:"PROD" doc:"1 in a context file: every command that changes something says PROD first"`
	Emulator string `env:"PUBSUB_EMULATOR_HOST" doc:"host:port of a Pub/Sub emulator, read by Google's client"`

	NoColor    string `env:"NO_COLOR" doc:"anything: no colour"`
	CLIColor   string `env:"CLICOLOR" doc:"0: no colour"`
	ForceColor string `env:"CLICOLOR_FORCE" doc:"anything but 0: colour also in a pipe"`
	Term       string `env:"TERM" doc:"dumb: no colour"`

	ConfigHome string `env:"XDG_CONFIG_HOME" doc:"where the folder of contexts lies (default ~/.config)"`
	Home       string `env:"HOME" doc:"your home directory"`
}

// Variable is one environment variable and its meaning.
type Variable struct{ Name, Doc string }

// Variables returns every variable that is read, in order.
func Variables() []Variable {
	var vars []Variable
	for _, of := range []reflect.Type{reflect.TypeFor[variables](), reflect.TypeFor[noticeVariables](), reflect.TypeFor[incidentVariables]()} {
		for field := range of.Fields() {
			vars = append(vars, Variable{field.Tag.Get("env"), field.Tag.Get("doc")})
		}
	}
	return vars
}

// Load works out the settings from flags and from the environment, given as KEY=VALUE pairs. It
// opens the context file if one is chosen and nothing else. Its errors are of kind Invalid, or
// NotFound for a context that does not exist.
func Load(flags Flags, environ []string) (Settings, error) {
	_, vars, context, err := resolve(flags.Context, environ)
	if err != nil {
		return Settings{}, err
	}
	return settle(flags, vars, context)
}

// resolve puts the values of the chosen context before those of the environment.
func resolve(chosen string, environ []string) (values map[string]string, vars variables, context string, err error) {
	values = env.ToMap(environ)
	// READ_ONLY and PROD are too common as names to be obeyed outside a context.
	delete(values, "READ_ONLY")
	delete(values, "PROD")
	if vars, err = parse(values); err != nil {
		return nil, vars, "", err
	}
	context = cmp.Or(chosen, vars.Context)
	if context == "" {
		return values, vars, "", nil
	}
	inner, err := readContext(contextDir(vars), context)
	if err != nil {
		return nil, vars, "", err
	}
	maps.Copy(values, inner)
	vars, err = parse(values)
	return values, vars, context, err
}

func parse(environ map[string]string) (variables, error) {
	vars, err := env.ParseAsWithOptions[variables](env.Options{Environment: environ})
	if err != nil {
		// The library's text would quote the value, and the only values that can be wrong are these two.
		return vars, problem.Errorf(problem.Invalid, "READ_ONLY and PROD in a context file are 1 or 0")
	}
	return vars, nil
}

func settle(flags Flags, vars variables, context string) (Settings, error) {
	dataDir := cmp.Or(flags.DataDir, vars.DataDir)
	store, err := ParseStore(cmp.Or(flags.Store, vars.Store), dataDir)
	if err != nil {
		return Settings{}, err
	}
	broker, err := ParseBroker(cmp.Or(flags.Broker, vars.Broker), dataDir)
	if err != nil {
		return Settings{}, err
	}
	return Settings{
		Store: store, Broker: broker, DataDir: dataDir,
		Author:  cmp.Or(vars.Actor, userAtHost()),
		Context: context, ReadOnly: vars.ReadOnly, Prod: vars.Prod,
		Look: Look{vars.NoColor != "", vars.CLIColor == "0", vars.ForceColor != "" && vars.ForceColor != "0", vars.Term == "dumb"},
	}, nil
}

func userAtHost() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// Look is what the environment says about colour.
type Look struct{ noColor, cliColorOff, forced, dumb bool }

// Color reports whether to colour a stream. The flag is --no-color.
func (l Look) Color(terminal, noColorFlag bool) bool {
	switch {
	case noColorFlag || l.noColor:
		return false
	case l.forced:
		return true
	default:
		return terminal && !l.cliColorOff && !l.dumb
	}
}

func contextDir(vars variables) string {
	return filepath.Join(cmp.Or(vars.ConfigHome, filepath.Join(vars.Home, ".config")), "theriac")
}

// Contexts returns the names of the contexts that exist, for completion.
func Contexts(environ []string) []string {
	vars, err := parse(env.ToMap(environ))
	if err != nil {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(contextDir(vars), "*.env"))
	if err != nil {
		return nil
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".env")
	}
	return files
}

func readContext(dir, name string) (map[string]string, error) {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, problem.Errorf(problem.Invalid, "context %q: a context is a name, not a path", name)
	}
	path := filepath.Join(dir, name+".env")
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, problem.Errorf(problem.NotFound, "no context %q: make it by writing THERIAC_STORE=… into %s", name, path)
	}
	if err != nil {
		return nil, problem.Errorf(problem.Invalid, "context %q: %w", name, err)
	}
	vars, err := parseEnvFile(string(text))
	if err != nil {
		return nil, problem.Errorf(problem.Invalid, "%s: %w", path, err)
	}
	return vars, nil
}

// parseEnvFile reads KEY=VALUE lines: blank lines and # comments are skipped, a leading "export"
// and one pair of quotes around the value are dropped. Errors name the line, never its text.
func parseEnvFile(text string) (map[string]string, error) {
	vars := map[string]string{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || strings.ContainsAny(key, " \t") {
			return nil, fmt.Errorf("line %d: want KEY=VALUE", number)
		}
		vars[key] = unquote(strings.TrimSpace(value))
	}
	return vars, nil
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
