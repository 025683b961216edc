package relay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestWithDefaults_LosesNoField sets every field, by reflection, to a value of its own and expects
// the defaults to leave it alone.
func TestWithDefaults_LosesNoField(t *testing.T) {
	t.Parallel()
	cfg := Config{RoundTripper: http.DefaultTransport, Logger: slog.Default()}
	fill(reflect.ValueOf(&cfg).Elem())
	checkKept(t, cfg, cfg.WithDefaults())
	var worker TransportConfig
	fill(reflect.ValueOf(&worker).Elem())
	checkKept(t, worker, worker.WithDefaults())
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("set")
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(3 + i))
		}
	}
}

func checkKept(t *testing.T, before, after any) {
	t.Helper()
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range b.NumField() {
		if b.Field(i).IsZero() {
			t.Errorf("%s was not filled: the test looks away", b.Type().Field(i).Name)
		}
		if !reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface()) {
			t.Errorf("%s: %v became %v", b.Type().Field(i).Name, b.Field(i), a.Field(i))
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
	if err := (TransportConfig{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate_JoinsEveryProblem(t *testing.T) {
	t.Parallel()
	bad := Config{
		MaxRequestBytes: 1 << 30, MemoryRequests: 1, MemoryBytes: -1, MaxHosts: -1, SpoolBytes: 1, MaxAge: 1,
		SendTimeout: -1, LastTry: -1, RetryMin: time.Minute, RetryMax: time.Second, MaxRetryAfter: 1, MaxTries: -1,
	}
	_, err := New(bad)
	checkNames(t, err, "MaxRequestBytes is 1073741824, want at most", "MemoryRequests", "MemoryBytes", "MaxHosts",
		"SpoolBytes", "MaxAge", "SendTimeout", "LastTry", "RetryMax is 1s, want at least 1m0s", "MaxRetryAfter", "MaxTries")
	_, err = NewTransport(nil, TransportConfig{MaxRequestBytes: -1, WriteTimeout: -1})
	checkNames(t, err, "TransportConfig.MaxRequestBytes is -1", "TransportConfig.WriteTimeout")
}

func checkNames(t *testing.T, err error, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %q:\n%v", name, err)
		}
	}
}

// TestConfigFields_StateTheirDefault reads the comments.
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
			if doc := f.Doc.Text(); !strings.Contains(doc, "Default") && !strings.Contains(doc, "Nil") {
				t.Errorf("%s does not say its default: %q", f.Names[0].Name, doc)
			}
		}
		return true
	})
	if fields < 15 {
		t.Errorf("looked at %d fields only", fields)
	}
}
