package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/problem"
)

// home makes a configuration folder with context files.
func home(t *testing.T, contexts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "theriac"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range contexts {
		if err := os.WriteFile(filepath.Join(dir, "theriac", name+".env"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "XDG_CONFIG_HOME=" + dir
}

func TestLoad_WhoWins(t *testing.T) {
	t.Parallel()
	contexts := home(t, map[string]string{"live": "# ours\nexport THERIAC_STORE=\"sqlite:context.db\"\nPROD=1\nREAD_ONLY=1\n\nOTHER=x=y\n"})
	tests := []struct {
		name     string
		flags    config.Flags
		environ  []string
		want     string
		own      bool
		readOnly bool
	}{
		{"nothing", config.Flags{}, nil, "sqlite:theriac-data/quarantine.db", true, false},
		{"data directory by environment", config.Flags{}, []string{"THERIAC_DATA_DIR=/e"}, "sqlite:/e/quarantine.db", true, false},
		{"data directory by flag", config.Flags{DataDir: "/f"}, []string{"THERIAC_DATA_DIR=/e"}, "sqlite:/f/quarantine.db", true, false},
		{"environment", config.Flags{}, []string{"THERIAC_STORE=sqlite:env.db"}, "sqlite:env.db", false, false},
		{"context before environment", config.Flags{Context: "live"}, []string{"THERIAC_STORE=sqlite:env.db"}, "sqlite:context.db", false, true},
		{"context by environment", config.Flags{}, []string{"THERIAC_CONTEXT=live"}, "sqlite:context.db", false, true},
		{"flag before context", config.Flags{Store: "sqlite:flag.db", Context: "live"}, nil, "sqlite:flag.db", false, true},
		{"READ_ONLY outside a context", config.Flags{}, []string{"READ_ONLY=1", "PROD=no idea"}, "sqlite:theriac-data/quarantine.db", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Load(tt.flags, append([]string{contexts}, tt.environ...))
			if err != nil {
				t.Fatal(err)
			}
			if got.Store.String() != tt.want || got.Store.Own != tt.own || got.ReadOnly != tt.readOnly || got.Prod != tt.readOnly {
				t.Errorf("got %+v, want store %s, own %v, read-only %v", got, tt.want, tt.own, tt.readOnly)
			}
		})
	}
}

func TestLoad_Refuses(t *testing.T) {
	t.Parallel()
	contexts := home(t, map[string]string{
		"broken": "THERIAC_STORE=sqlite:x\nhunter2 is my password\n",
		"odd":    "READ_ONLY=hunter2\n",
	})
	tests := []struct {
		name    string
		flags   config.Flags
		environ []string
		kind    problem.Kind
		says    string
	}{
		{"no such context", config.Flags{Context: "nope"}, nil, problem.NotFound, "nope.env"},
		{"a path", config.Flags{Context: "../live"}, nil, problem.Invalid, "not a path"},
		{"bad line", config.Flags{Context: "broken"}, nil, problem.Invalid, "line 2"},
		{"bad switch", config.Flags{Context: "odd"}, nil, problem.Invalid, "1 or 0"},
		{"store scheme", config.Flags{Store: "mysql://root:hunter2@db/x"}, nil, problem.Invalid, "sqlite:PATH"},
		{"store without scheme", config.Flags{Store: "hunter2"}, nil, problem.Invalid, "not a URL"},
		{"store unparsable", config.Flags{}, []string{"THERIAC_STORE=postgres://u:hunter2@h:port/db"}, problem.Invalid, "postgres://USER@HOST"},
		{"relative after slashes", config.Flags{Store: "sqlite://hunter2/x"}, nil, problem.Invalid, "sqlite:///PATH"},
		{"broker scheme", config.Flags{Broker: "amqp://u:hunter2@h"}, nil, problem.Invalid, "nats://"},
		{"broker path", config.Flags{Broker: "pubsub://hunter2/topic"}, nil, problem.Invalid, "pubsub://PROJECT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(tt.flags, append([]string{contexts}, tt.environ...))
			if problem.Of(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v (%s), want %s with %q", err, problem.Of(err), tt.kind, tt.says)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error shows a value or has several lines: %v", err)
			}
		})
	}
}

func TestLoad_Author(t *testing.T) {
	t.Parallel()
	named, err := config.Load(config.Flags{}, []string{"THERIAC_ACTOR=ana"})
	if err != nil || named.Author != "ana" {
		t.Errorf("author %q (%v), want ana", named.Author, err)
	}
	unnamed, err := config.Load(config.Flags{}, nil)
	if err != nil || !strings.Contains(unnamed.Author, "@") {
		t.Errorf("author %q (%v), want user@host", unnamed.Author, err)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	tests := []struct {
		environ        []string
		terminal, flag bool
		want           bool
	}{
		{nil, true, false, true},
		{nil, false, false, false},
		{nil, true, true, false},
		{[]string{"NO_COLOR=1"}, true, false, false},
		{[]string{"NO_COLOR="}, true, false, true},
		{[]string{"CLICOLOR=0"}, true, false, false},
		{[]string{"TERM=dumb"}, true, false, false},
		{[]string{"CLICOLOR_FORCE=1"}, false, false, true},
		{[]string{"CLICOLOR_FORCE=0"}, false, false, false},
		{[]string{"CLICOLOR_FORCE=1", "NO_COLOR=1"}, true, false, false},
	}
	for _, tt := range tests {
		s, err := config.Load(config.Flags{}, tt.environ)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Look.Color(tt.terminal, tt.flag); got != tt.want {
			t.Errorf("%v, terminal %v, --no-color %v: colour %v, want %v", tt.environ, tt.terminal, tt.flag, got, tt.want)
		}
	}
}

func TestVariables_AllDocumented(t *testing.T) {
	t.Parallel()
	for _, v := range config.Variables() {
		if v.Name == "" || v.Doc == "" {
			t.Errorf("%+v has no name or no meaning", v)
		}
	}
}

func TestEndpoint_ShowsNoSecret(t *testing.T) {
	t.Parallel()
	tests := []struct{ store, broker, want string }{
		{store: "postgres://ana:s3cret@db:5432/app?sslmode=require&password=s3cret&sslpassword=s3cret", want: "postgres://ana@db:5432/app?sslmode=require"},
		{store: "postgresql:///app?host=/run/pg", want: "postgresql:///app?host=%2Frun%2Fpg"},
		{store: "sqlite:///var/q.db", want: "sqlite:/var/q.db"},
		{store: "sqlite:rel/q.db", want: "sqlite:rel/q.db"},
		{broker: "nats://s3cret@a:4222,nats://u:s3cret@b:4222?x=s3cret", want: "nats://a:4222,nats://b:4222"},
		{broker: "pubsub://my-project", want: "pubsub://my-project"},
	}
	for _, tt := range tests {
		s, err := config.Load(config.Flags{Store: tt.store, Broker: tt.broker}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Store
		if tt.broker != "" {
			got = s.Broker
		}
		if diff := cmp.Diff(tt.want, got.String()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
		if strings.Contains(got.String()+got.Place(), "s3cret") {
			t.Errorf("%+v shows a secret: %s, %s", tt, got, got.Place())
		}
	}
}

func FuzzContextFile(f *testing.F) {
	f.Add("A=b\n")
	f.Add("export THERIAC_STORE='sqlite:x'\n#\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "theriac"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "theriac", "x.env"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(config.Flags{Context: "x"}, []string{"XDG_CONFIG_HOME=" + dir})
		if err != nil && problem.Of(err) != problem.Invalid {
			t.Errorf("%q: %v is %s", text, err, problem.Of(err))
		}
	})
}
