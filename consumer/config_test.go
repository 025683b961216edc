package consumer

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
)

// TestWithDefaults_LosesNoField sets every field, by reflection, to a value of
// its own and expects the defaults to leave it alone.
func TestWithDefaults_LosesNoField(t *testing.T) {
	t.Parallel()
	var cfg Config
	fill(reflect.ValueOf(&cfg).Elem())
	cfg.Logger = slog.Default()
	checkKept(t, cfg, cfg.WithDefaults())

	var sub Subscription
	fill(reflect.ValueOf(&sub).Elem())
	checkKept(t, sub, sub.WithDefaults())
}

func checkKept(t *testing.T, before, after any) {
	t.Helper()
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range b.NumField() {
		if b.Field(i).IsZero() && b.Field(i).Kind() != reflect.Interface {
			t.Errorf("%s was not filled: the test looks away", b.Type().Field(i).Name)
		}
		same := reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface())
		if b.Field(i).Kind() == reflect.Func { // never deeply equal
			same = b.Field(i).Pointer() == a.Field(i).Pointer()
		}
		if !same {
			t.Errorf("%s.%s: %v became %v", b.Type(), b.Type().Field(i).Name, b.Field(i), a.Field(i))
		}
	}
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString("set")
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(3 + i))
		case reflect.Uint8:
			f.SetUint(1)
		case reflect.Float64:
			f.SetFloat(1.5)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct:
			fill(f)
		case reflect.Func:
			f.Set(reflect.MakeFunc(f.Type(), nil))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	sub := Subscription{Name: "orders", Handler: okHandler}
	if err := sub.WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

var okHandler = handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })

func TestNew_JoinsEveryProblem(t *testing.T) {
	t.Parallel()
	sub := Subscription{Policy: Policy{MaxFailures: -1, Timeout: -time.Second, Breaker: BreakerPolicy{FailureRatio: 2}}}
	_, err := New(stubSource{}, sub, Config{MaxRunning: -1, DrainTimeout: -1})
	if err == nil {
		t.Fatal("New took it")
	}
	for _, field := range []string{
		"Subscription.Name", "Subscription.Handler", "Policy.MaxFailures is -1, want at least 1", "Policy.Timeout",
		"FailureRatio is 2", "Config.MaxRunning is -1", "Config.DrainTimeout",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("the error does not name %q:\n%v", field, err)
		}
	}
	if _, err := New(nil, Subscription{}, Config{}); err == nil || !strings.Contains(err.Error(), "source is nil") {
		t.Errorf("New without a source: %v", err)
	}
}

type stubSource struct{ Source }

func TestHandlerName(t *testing.T) {
	t.Parallel()
	got := []string{handlerName(okHandler), handlerName(handlers.NewMux("k"))}
	want := []string{"consumer.init.func1", "*handlers.Mux"}
	if !strings.HasPrefix(got[0], "consumer.") {
		t.Errorf("name of a function is %q", got[0])
	}
	if diff := cmp.Diff(want[1], got[1]); diff != "" {
		t.Error(diff)
	}
}

// TestConfigFields_StateTheirDefault reads the comments: each field of Config
// and the policies says its default, or that it is required or what nil means.
func TestConfigFields_StateTheirDefault(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range s.Fields.List {
			fields++
			doc := f.Doc.Text()
			if !strings.Contains(doc, "Default") && !strings.Contains(doc, "Required") && !strings.Contains(doc, "Nil") &&
				!strings.Contains(doc, "defaults") && f.Names[0].Name != "Off" && f.Names[0].Name != "Breaker" && f.Names[0].Name != "Backoff" {
				t.Errorf("%s does not say its default: %q", f.Names[0].Name, doc)
			}
		}
		return true
	})
	if fields < 20 {
		t.Errorf("looked at %d fields only", fields)
	}
}
