package archtest_test

import (
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/archtest"
)

const gomod = `module example.org/m

go 1.26.7

require example.org/alone v1.0.0

require (
	example.org/argued/v2 v2.0.0
	example.org/argued/v2/sub v0.1.0
	example.org/theirs v1.0.0 // indirect
)
`

// tree is a module in memory: file name to source.
type tree map[string]string

func (files tree) load(t *testing.T) *archtest.Module {
	t.Helper()
	root := fstest.MapFS{"go.mod": {Data: []byte(gomod)}}
	for name, src := range files {
		root[name] = &fstest.MapFile{Data: []byte(src)}
	}
	m, err := archtest.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRules_FindPlantedMistakes gives each rule a tree with mistakes and innocent neighbours, and
// wants exactly the mistakes.
func TestRules_FindPlantedMistakes(t *testing.T) {
	t.Parallel()
	rules := map[string]archtest.Rule{}
	for _, rule := range archtest.Rules() {
		rules[rule.Name] = rule
	}
	tests := slices.Concat(plantedImports(), plantedTests(), plantedDocs(), plantedCode())
	seen := map[string]bool{}
	for _, tt := range tests {
		seen[tt.rule] = true
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			rule, ok := rules[tt.rule]
			if !ok {
				t.Fatalf("there is no rule %q", tt.rule)
			}
			if diff := cmp.Diff(tt.want, rule.Check(tt.files.load(t), nil)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	for name := range rules {
		if !seen[name] {
			t.Errorf("rule %q has no planted mistake", name)
		}
	}
}

type planted struct {
	rule  string
	files tree
	want  []string
}

func plantedImports() []planted {
	return []planted{
		{
			rule: "folders",
			files: tree{
				"handlers/a.go":           "package handlers",
				"pkg/a.go":                "package pkg",
				"docs/design.md":          "",
				".ci/run":                 "",
				"bin/a.go":                "package bin",
				"internal/bench/go.mod":   "module example.org/m/internal/bench",
				"internal/bench/bench.go": "package other",
			},
			want: []string{"pkg/ is not a folder of the design: put its contents into a room, or the room into the design"},
		},
		{
			rule: "imports",
			files: tree{
				"handlers/a.go":                    "package handlers\nimport \"fmt\"\nimport _ \"github.com/google/uuid\"",
				"handlers/a_test.go":               "package handlers_test\nimport \"example.org/m/handlers\"\nimport \"example.org/m/handlers/handlertest\"\nimport \"github.com/google/go-cmp/cmp\"",
				"consumer/a.go":                    "package consumer\nimport \"example.org/m/handlers\"\nimport \"example.org/m/quarantine\"\nimport \"github.com/sony/gobreaker/v2/rate\"",
				"consumer/natsjs/a.go":             "package natsjs\nimport \"example.org/m/consumer/natsjs/embedded\"\nimport \"github.com/nats-io/nats.go/jetstream\"",
				"consumer/natsjs/a_test.go":        "package natsjs_test\nimport \"example.org/m/consumer/natsjs/embedded\"\nimport \"example.org/m/consumer/consumertest\"",
				"quarantine/quarantinepg/a.go":     "package quarantinepg\nimport \"github.com/jackc/pgx/v5fork\"\nimport \"github.com/jackc/pgx/v5\"",
				"quarantine/quarantinewhat/a.go":   "package quarantinewhat",
				"cmd/internal/app/a.go":            "package app\nimport \"example.org/m/consumer\"\nimport \"example.org/m/examples/hello\"",
				"examples/hello/a.go":              "package main\nimport \"example.org/m/internal/runner\"\nimport \"example.org/anything\"",
				"internal/problem/a.go":            "package problem\nimport \"example.org/m/handlers\"",
				"internal/problem/testdata/x/a.go": "package x\nimport \"example.org/m/cmd\"",
			},
			want: []string{
				"cmd/internal/app/a.go:3: cmd/internal/app must not import example.org/m/examples/hello (cmd/internal/...: the only wiring, the only reader of the environment)",
				"consumer/a.go:3: consumer must not import example.org/m/quarantine (consumer: knows that poison goes somewhere, not where)",
				"consumer/natsjs/a.go:2: consumer/natsjs must not import example.org/m/consumer/natsjs/embedded (consumer/natsjs: the one place with the NATS client)",
				"examples/hello/a.go:2: examples/hello must not import example.org/m/internal/runner (examples/...: never internal or cmd: they must compile for outsiders)",
				"handlers/a.go:3: handlers must not import github.com/google/uuid (handlers: users import it everywhere)",
				"internal/problem/a.go:2: internal/problem must not import example.org/m/handlers (internal/...: helpers that know no word of a room)",
				"quarantine/quarantinepg/a.go:2: quarantine/quarantinepg must not import github.com/jackc/pgx/v5fork (quarantine/quarantinepg: its SQL and nobody else's)",
				"quarantine/quarantinewhat/a.go:1: package quarantine/quarantinewhat has no row in the import table",
			},
		},
		{
			rule:  "dependencies",
			files: tree{"docs/dependencies.md": "`example.org/argued/v2` saves us work"},
			want: []string{
				"docs/dependencies.md does not say why we need example.org/alone",
				"docs/dependencies.md does not say why we need example.org/argued/v2/sub",
			},
		},
		{
			rule: "test code",
			files: tree{
				"consumer/a.go":              "package consumer\nimport \"testing\"\nimport \"net/http/httptest\"",
				"consumer/a_test.go":         "package consumer\nimport \"testing\"",
				"consumer/consumertest/a.go": "package consumertest\nimport \"testing\"",
				"cmd/internal/demo/a.go":     "package demo\nimport \"example.org/m/quarantine/quarantinetest\"",
			},
			want: []string{
				"cmd/internal/demo/a.go:2: production code imports example.org/m/quarantine/quarantinetest: move it into a _test.go file or a …test package",
				"consumer/a.go:2: production code imports testing: move it into a _test.go file or a …test package",
				"consumer/a.go:3: production code imports net/http/httptest: move it into a _test.go file or a …test package",
			},
		},
	}
}

func plantedTests() []planted {
	return []planted{
		{
			rule: "sleeps",
			files: tree{
				"consumer/a.go":              "package consumer\nimport \"time\"\nfunc f() { time.Sleep(1) }",
				"consumer/a_test.go":         "package consumer\nimport clock \"time\"\nfunc g() {\n clock.Sleep(1)\n var time sleeper\n time.Sleep(1) }",
				"consumer/consumertest/a.go": "package consumertest\nimport \"time\"\nfunc f() { time.Sleep(1) }",
			},
			want: []string{
				"consumer/a_test.go:4: time.Sleep in a test: wait for a signal, or use testing/synctest and a timer",
				"consumer/consumertest/a.go:3: time.Sleep in a test: wait for a signal, or use testing/synctest and a timer",
			},
		},
		{
			rule: "skips",
			files: tree{
				"consumer/a_test.go": "package consumer\nimport \"testing\"\nfunc f(t *testing.T) {\n t.Skip()\n t.SkipNow()\n t.Skipf(\"\")\n t.Skip(\"no emulator: set X\") }",
				"consumer/a.go":      "package consumer\nfunc f(s scanner) { s.Skip() }",
			},
			want: []string{
				"consumer/a_test.go:4: a bare skip: say why, and what would make the test run",
				"consumer/a_test.go:5: a bare skip: say why, and what would make the test run",
				"consumer/a_test.go:6: a bare skip: say why, and what would make the test run",
			},
		},
	}
}

func plantedDocs() []planted {
	return []planted{
		{
			rule: "package comments",
			files: tree{
				"handlers/a.go":                "// Package handlers is fine.\npackage handlers",
				"handlers/b.go":                "package handlers",
				"consumer/a.go":                "// Package consumer is cut off.\n\npackage consumer",
				"quarantine/a.go":              "// Package quarantine has one.\npackage quarantine",
				"quarantine/b.go":              "// Package quarantine has two.\npackage quarantine",
				"incident/a.go":                "// The incident.\npackage incident",
				"cmd/theriac/main.go":          "// Theriac is a command.\npackage main",
				"internal/x/onlytests_test.go": "package x_test",
			},
			want: []string{
				"consumer/a.go:3: package consumer has no package comment (a blank line may cut it off)",
				"incident/a.go:2: the package comment must begin with \"Package incident\"",
				"quarantine/b.go:2: a second package comment: quarantine/a.go has one",
			},
		},
		{
			rule: "exported docs",
			files: tree{
				"handlers/a.go": `package handlers
type Bare struct{}
// Told is documented.
type Told struct{}
func (Told) Bare() {}
func (hidden[T]) Bare() {}
type hidden[T any] struct{}
const Bare1, Bare2 = 1, 2
// A group speaks for its members.
const (
	InGroup = 1
)
type ( // Face is documented.
	Face interface {
		Bare()
		Told() // by its line
		error
	}
)
func Bare3() {}
// Single is documented, and so is its method.
type Single interface { Do() }
`,
				"handlers/a_test.go":  "package handlers\nfunc TestX() {}",
				"cmd/theriac/main.go": "package main\ntype X struct{}",
			},
			want: []string{
				"handlers/a.go:14: exported Face has no comment",
				"handlers/a.go:15: exported Face.Bare has no comment",
				"handlers/a.go:20: exported Bare3 has no comment",
				"handlers/a.go:2: exported Bare has no comment",
				"handlers/a.go:5: exported Bare has no comment",
				"handlers/a.go:8: exported Bare1 has no comment",
			},
		},
	}
}

func plantedCode() []planted {
	return []planted{
		{
			rule: "goroutines",
			files: tree{
				"consumer/a.go": `package consumer
import "sync"
var wg sync.WaitGroup
type T struct { jobs sync.WaitGroup; group runner.Group }
func (t *T) f(p *sync.WaitGroup) {
	go t.f(nil)
	t.jobs.Add(1)
	t.group.Go(t.g)
	t.jobs.Go(t.g)
	p.Go(t.g)
	wg.Go(t.g)
}
`,
				"consumer/a_test.go":         "package consumer\nimport \"sync\"\nvar inTest sync.WaitGroup\nfunc g() {\n go g()\n inTest.Go(g) }",
				"consumer/consumertest/a.go": "package consumertest\nimport \"sync\"\nvar wg sync.WaitGroup\nfunc g() { wg.Go(g) }",
			},
			want: []string{
				"consumer/a.go:10: sync.WaitGroup.Go in production: use runner.Group, which carries panics to its owner",
				"consumer/a.go:11: sync.WaitGroup.Go in production: use runner.Group, which carries panics to its owner",
				"consumer/a.go:6: a go statement: use runner.Group, or in a test sync.WaitGroup.Go",
				"consumer/a.go:9: sync.WaitGroup.Go in production: use runner.Group, which carries panics to its owner",
				"consumer/a_test.go:5: a go statement: use runner.Group, or in a test sync.WaitGroup.Go",
			},
		},
		{
			rule:  "init",
			files: tree{"consumer/a.go": "package consumer\nfunc init() {}\nfunc (c C) init() {}\nfunc initial() {}"},
			want:  []string{"consumer/a.go:2: an init function: let the caller call it"},
		},
		{
			rule: "package variables",
			files: tree{
				"consumer/a.go": `package consumer
var count, ErrX = 0, errors.New("x")
var table = map[string]int{}
var _ = table
func f() {
	count++
	table["a"] = 1
	other.field = 2
	count := 0
	count = 1
	_ = count
}
`,
				"consumer/b.go":      "package consumer\nvar other struct{ field int }\nfunc g() {\n (table) = nil\n free = 1\n a, b := 1, 2 }",
				"consumer/a_test.go": "package consumer\nvar inTest int\nfunc h() { count, inTest = 1, 1 }",
			},
			want: []string{
				"consumer/a.go:6: package variable count changes: keep it in a value that its user holds",
				"consumer/a.go:7: package variable table changes: keep it in a value that its user holds",
				"consumer/a.go:8: package variable other changes: keep it in a value that its user holds",
				"consumer/b.go:4: package variable table changes: keep it in a value that its user holds",
			},
		},
		{
			rule: "process state",
			files: tree{
				"consumer/a.go": `package consumer
import ("context"; "fmt"; "log"; sys "os"; "log/slog")
func f() {
	context.Background()
	context.WithoutCancel(nil)
	sys.Getenv("X")
	sys.Open("x")
	fmt.Println()
	fmt.Sprint()
	sys.Exit(1)
}
`,
				"consumer/a_test.go":         "package consumer\nimport \"os\"\nfunc g() { os.Exit(1) }",
				"consumer/consumertest/a.go": "package consumertest\nimport \"context\"\nfunc g() { context.Background() }",
				"cmd/theriac/main.go":        "package main\nimport \"os\"\nfunc main() { os.Exit(1) }",
				"examples/hello/main.go":     "package main\nimport \"fmt\"\nfunc main() { fmt.Println() }",
				"internal/shape/main.go":     "package main\nimport \"fmt\"\nfunc main() { fmt.Println() }",
			},
			want: []string{
				"consumer/a.go:10: library code uses os.Exit: take what is needed as an argument",
				"consumer/a.go:2: library code imports log: take a *slog.Logger",
				"consumer/a.go:4: library code uses context.Background: take what is needed as an argument",
				"consumer/a.go:6: library code uses os.Getenv: take what is needed as an argument",
				"consumer/a.go:8: library code uses fmt.Println: take what is needed as an argument",
			},
		},
		{
			rule: "error text",
			files: tree{
				"consumer/a.go": `package consumer
import "strings"
func f(err error, s string) bool {
	_ = strings.Contains(err.Error(), "refused")
	_ = err.Error() == "refused"
	_ = strings.Contains(s, "refused")
	s = err.Error()
	return s == "" || strings.ToUpper(err.Error()) != s
}
`,
				"consumer/a_test.go":         "package consumer\nfunc g(err error) bool { return err.Error() == \"x\" }",
				"consumer/consumertest/a.go": "package consumertest\nfunc g(err error) bool { return err.Error() == \"x\" }",
			},
			want: []string{
				"consumer/a.go:4: the text of an error is searched: use errors.Is or errors.As",
				"consumer/a.go:5: the text of an error is compared: use errors.Is or errors.As",
			},
		},
		{
			rule: "error receivers",
			files: tree{
				"consumer/a.go": "package consumer\nfunc (e E) Error() string { return \"\" }\nfunc (e *P) Error() string { return \"\" }\nfunc (l L) Error(s string) {}\nfunc Error() string { return \"\" }",
			},
			want: []string{"consumer/a.go:2: Error has a value receiver: errors.As would have to try two types"},
		},
	}
}

func TestCheck_Exceptions(t *testing.T) {
	t.Parallel()
	m := tree{
		"consumer/a.go": "package consumer\nfunc init() {}",
		"consumer/b.go": "package consumer",
	}.load(t)
	i := slices.IndexFunc(archtest.Rules(), func(r archtest.Rule) bool { return r.Name == "init" })
	got := archtest.Rules()[i].Check(m, map[string]string{
		"consumer/a.go": "it must", "consumer/b.go": "it once had to", "consumer/gone.go": "it is gone",
	})
	want := []string{
		"consumer/b.go: the exception is not needed any more",
		"consumer/gone.go: the exception is not needed any more",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestExceptions_NameARuleAndAReason(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, rule := range archtest.Rules() {
		names[rule.Name] = true
	}
	for rule, files := range archtest.Exceptions() {
		if !names[rule] {
			t.Errorf("exceptions to the rule %q, which does not exist", rule)
		}
		if slices.Contains(slices.Collect(maps.Values(files)), "") {
			t.Errorf("an exception to the rule %q has no reason", rule)
		}
	}
}

func TestUnusedRows(t *testing.T) {
	t.Parallel()
	all := archtest.UnusedRows(tree{"docs/design.md": ""}.load(t))
	rest := archtest.UnusedRows(tree{"handlers/a.go": "package handlers", "cmd/internal/app/a.go": "package app"}.load(t))
	if len(all)-len(rest) != 2 {
		t.Errorf("%d rows unused in an empty module, %d with two packages", len(all), len(rest))
	}
}

func TestLoad_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := archtest.Load(fstest.MapFS{}); err == nil {
		t.Error("a tree without go.mod was loaded")
	}
	broken := fstest.MapFS{"go.mod": {Data: []byte("module m\n")}, "a/a.go": {Data: []byte("package")}}
	if _, err := archtest.Load(broken); err == nil {
		t.Error("a file that does not parse was loaded")
	}
}
