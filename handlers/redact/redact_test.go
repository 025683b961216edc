package redact_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers/redact"
)

func redactor(t testing.TB, cfg redact.Config) *redact.Redactor {
	t.Helper()
	r, err := redact.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// orders calls some of an order's payload safe.
func orders(t testing.TB) *redact.Redactor {
	t.Helper()
	return redactor(t, redact.Config{
		Everywhere: redact.Safe{Fields: []string{"/schema"}, Attributes: []string{"tenant"}},
		Subscriptions: map[string]redact.Safe{"orders": {
			Fields:     []string{"/customer/id", "/lines/*/sku", "/by/*/n", "/odd~1key", "/total"},
			Attributes: []string{"kind"}, OrderingKey: true,
		}},
		Types: []string{"*pgconn.PgError"}, Texts: []string{"the ledger is closed"},
	})
}

func lines(p redact.Payload) (all []string) {
	if p.NotJSON != "" {
		return []string{p.NotJSON}
	}
	for _, f := range p.Fields {
		all = append(all, strings.TrimRight(fmt.Sprintf("%s: %s %s", f.Path, f.What, f.Value), " "))
	}
	if p.More > 0 {
		all = append(all, fmt.Sprintf("%d more", p.More))
	}
	return all
}

func TestPayload(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sub, data string
		limit           redact.Limit
		want            []string
	}{
		{"what is registered, and the shape of the rest", "orders", `{"schema":2,"customer":{"id":"c-7","name":"Ada"},"ada@example.com":[1,2]}`, redact.Limit{}, []string{
			": 3 keys", "/schema: number 2", "/customer: 2 keys", "/customer/id: text of 3 c-7", "/customer/?: text of 3", "/?: 2 items", "/?/0: number",
		}},
		{"every item", "orders", `{"lines":[{"sku":"a","n":1},{"sku":"b","n":2},{"n":3}]}`, redact.Limit{}, []string{
			": 1 key", "/lines: 3 items", "/lines/0: 2 keys", "/lines/0/sku: text of 1 a", "/lines/0/?: number", "/lines/1/sku: text of 1 b",
		}},
		{"a key that a star stands for is no name", "orders", `{"by":{"ada@example.com":{"n":1,"x":2}}}`, redact.Limit{}, []string{
			": 1 key", "/by: 1 key", "/by/?: 2 keys", "/by/?/n: number 1", "/by/?/?: number",
		}},
		{"a container is never shown", "orders", `{"total":{"cents":5}}`, redact.Limit{}, []string{": 1 key", "/total: 1 key", "/total/?: number"}},
		{"numbers are copied", "orders", `{"total":12345678901234567890.10e-1}`, redact.Limit{}, []string{": 1 key", "/total: number 12345678901234567890.10e-1"}},
		{"slashes in keys", "orders", `{"odd/key":true,"customer/id":"x"}`, redact.Limit{}, []string{": 2 keys", "/odd~1key: true or false true", "/?: text of 1"}},
		{"another subscription", "refunds", `{"schema":null,"customer":{"id":1}}`, redact.Limit{}, []string{": 2 keys", "/schema: null null", "/?: 1 key", "/?/?: number"}},
		{"keys for those who may see them", "refunds", `{"customer":{"id":1}}`, redact.Limit{Keys: true}, []string{": 1 key", "/customer: 1 key", "/customer/id: number"}},
		{"unprintable", "orders", `{"total":"a\u001b[31m\u202e"}`, redact.Limit{}, []string{": 1 key", "/total: text of 7 a\uFFFD[31m\uFFFD"}},
		{"too many", "orders", `{"a":1,"b":2,"c":3}`, redact.Limit{Lines: 2}, []string{": 3 keys", "/?: number", "2 more"}},
		{"too deep", "orders", `{"customer":{"id":{"a":1}}}`, redact.Limit{Depth: 1}, []string{": 1 key", "/customer: 1 key"}},
		{"too large", "orders", `{"customer":1}`, redact.Limit{Bytes: 3}, []string{"14 bytes, too many to look into"}},
		{"broken", "orders", `{"total":5`, redact.Limit{}, []string{"text of 10 bytes in 1 line, not JSON"}},
		{"two documents", "orders", `{} {"total":5}`, redact.Limit{}, []string{"text of 14 bytes in 1 line, not JSON"}},
		{"binary", "orders", "\x00\xff", redact.Limit{}, []string{"2 bytes, neither JSON nor UTF-8"}},
		{"empty", "orders", "", redact.Limit{}, []string{"empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, lines(orders(t).Payload(tt.sub, []byte(tt.data), tt.limit))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPayload_TheWholeDocumentCanBeSafe(t *testing.T) {
	t.Parallel()
	r := redactor(t, redact.Config{Everywhere: redact.Safe{Fields: []string{""}}})
	if got := r.Payload("any", []byte(`"whole"`), redact.Limit{}).Safe(); len(got) != 1 || got[0].Value != "whole" {
		t.Errorf("got %+v", got)
	}
}

func TestAttributesAndKey(t *testing.T) {
	t.Parallel()
	r := orders(t)
	safe, others := r.Attributes("orders", map[string]string{"kind": "a\x00", "tenant": strings.Repeat("é", 300), "SECRET": "SECRET"})
	if len(safe) != 2 || safe[0].Value != "a\uFFFD" || safe[1].Name != "tenant" || len([]rune(safe[1].Value)) != 200 || others != 1 {
		t.Errorf("%+v and %d others", safe, others)
	}
	var none *redact.Redactor
	if safe, others := none.Attributes("orders", map[string]string{"kind": "a"}); len(safe) != 0 || others != 1 {
		t.Errorf("nil shows %+v", safe)
	}
	if r.OrderingKey("orders", "k") != "k" || r.OrderingKey("refunds", "k") != redact.Withheld || none.OrderingKey("", "") != "" {
		t.Error("keys")
	}
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []redact.Config{
		{Everywhere: redact.Safe{Fields: []string{"customer/id"}}},
		{Subscriptions: map[string]redact.Safe{"orders": {Fields: []string{"$.id"}}}},
		{Everywhere: redact.Safe{Fields: make([]string, 201)}},
		{Texts: []string{strings.Repeat("x", 5000)}},
	} {
		if _, err := redact.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	r := orders(t)
	for _, tt := range []struct{ kind, text, want string }{
		{"*errors.errorString", "", ""},
		{"*errors.errorString", "cannot book for ada", redact.Withheld},
		{"*errors.errorString", "the ledger is closed", "the ledger is closed"},
		{"*errors.errorString", "the ledger is closed ", redact.Withheld},
		{"*pgconn.PgError", "ERROR: deadlock detected (SQLSTATE 40P01)", "ERROR: deadlock detected (SQLSTATE 40P01)"},
		{"syscall.Errno", "connection refused", "connection refused"},
		{"string", "connection refused", redact.Withheld},
		{"runtime.boundsError", "runtime error: index out of range [5] with length 3", "runtime error: index out of range [5] with length 3"},
		{"runtime.boundsError", "runtime error: slice bounds out of range [:7] with capacity 3", "runtime error: slice bounds out of range [:7] with capacity 3"},
		{"string", "index out of range [4111111111111111]", redact.Withheld},
		{"context.deadlineExceededError", "context deadline exceeded", "context deadline exceeded"},
		{"*runtime.TypeAssertionError", "interface conversion: interface {} is string, not SECRET", redact.Withheld},
		{"string", strings.Repeat("EOF", 5000), redact.Withheld},
	} {
		if got := r.Text(tt.kind, tt.text); got != tt.want {
			t.Errorf("Text(%q, %q) = %q, want %q", tt.kind, tt.text, got, tt.want)
		}
	}
}

func TestDeath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"panic: SECRET": "panic: [withheld]",
		"panic: runtime error: invalid memory address or nil pointer dereference": "panic: runtime error: invalid memory address or nil pointer dereference",
		"panic: SECRET [recovered, repanicked]":                                   "panic: [withheld] [recovered, repanicked]",
		"fatal error: concurrent map writes":                                      "fatal error: concurrent map writes",
		"fatal error: SECRET":                                                     "fatal error: [withheld]",
		"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47c6b4]":  "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47c6b4]",
		"SIGABRT: abort": "SIGABRT: abort",
		"runtime: goroutine stack exceeds 1000000000-byte limit": "runtime: goroutine stack exceeds 1000000000-byte limit",
		"SECRET": "[withheld]",
		"":       "",
	} {
		if got := (*redact.Redactor)(nil).Death(in); got != want {
			t.Errorf("Death(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestStack(t *testing.T) {
	t.Parallel()
	const trace = "goroutine 86 gp=0xc00 m=3 mp=0xc01 [running, locked to thread, labels:{\"user\": \"SECRET]\"}]:\n" +
		"panic({0x4711, 0x4712})\n\t/usr/lib/go/src/runtime/panic.go:783 +0x132\n" +
		"example.com/app/v2.(*T[...]).Apply.func1(0x1, {0x2, 0x3})\n\t/src/app/x.go:118 +0x1d\n" +
		"SECRET\n\tSECRET\n...additional frames elided...\ncreated by example.com/app.Run in goroutine 7\n\t/src/app/run.go:9 +0x5\n"
	const want = "goroutine 86 gp=0xc00 m=3 mp=0xc01 [running, locked to thread]:\n" +
		"panic(...)\n\t/usr/lib/go/src/runtime/panic.go:783 +0x132\n" +
		"example.com/app/v2.(*T[...]).Apply.func1(...)\n\t/src/app/x.go:118 +0x1d\n" +
		"...additional frames elided...\ncreated by example.com/app.Run in goroutine 7\n\t/src/app/run.go:9 +0x5\n"
	if diff := cmp.Diff(want, redact.Stack(trace)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// dying is what a process wrote to standard error in its last moments.
const dying = "2026/01/02 starting\npanicky is no panic: fine\n\nfatal but not\npanic: SECRET\n\tSECRET on line two\n\t\n\tSECRET [recovered]\n\tpanic: EOF\n" +
	"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n\ngoroutine 5 [running labels:{\"theriac\": \"1.2\", \"k\": \"SECRET\"}]:\nmain.f(0x1)\n\t/src/x.go:1 +0x1d\nexit status 2"

const buried = "2026/01/02 starting\npanicky is no panic: fine\n\nfatal but not\npanic: [withheld]\n\tpanic: EOF\n" +
	"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n\ngoroutine 5 [running]:\nmain.f(0x1)\n\t/src/x.go:1 +0x1d\nexit status 2"

func TestStderr(t *testing.T) {
	t.Parallel()
	for size := 1; size <= len(dying); size++ {
		var b strings.Builder
		s := redact.NewStderr(&b, nil)
		for rest := dying; rest != ""; {
			n := min(size, len(rest))
			if _, err := s.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(buried, b.String()); diff != "" {
			t.Fatalf("in parts of %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestStderr_PassesAtOnceWhatIsNotTheRuntimes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	s := redact.NewStderr(&b, nil)
	for _, part := range []string{"progress 1 %", " 2 %", "\r"} {
		_, _ = s.Write([]byte(part))
	}
	if b.String() != "progress 1 % 2 %\r" {
		t.Errorf("passed on %q", b.String())
	}
	_, _ = s.Write([]byte("\npanic: " + strings.Repeat("SECRET", 100_000) + "\nnext\n"))
	if got := strings.TrimPrefix(b.String(), "progress 1 % 2 %\r"); got != "\npanic: [withheld]\nnext\n" {
		t.Errorf("passed on %.100q", got)
	}
}

const canary = "cAnArYwOrD"

func FuzzPayload_ACanaryNeverComesOut(f *testing.F) {
	f.Add([]byte(`{"schema":1,"customer":{"id":"x","name":"cAnArYwOrD"},"lines":[{"sku":"a"},{"cAnArYwOrD":1}]}`), 5)
	f.Add([]byte(`[[[["cAnArYwOrD"]]]]`), 1)
	f.Add([]byte(`{"customer":"id"}`), 0)
	f.Fuzz(func(t *testing.T, data []byte, lines int) {
		if strings.Contains(strings.ToLower(string(data)), strings.ToLower(canary)) {
			// What stands at a safe path may come out.
			var parsed any
			if json.Unmarshal(data, &parsed) != nil || atSafePath(parsed) {
				t.Skip("the canary may stand where it may come out; nothing else would be tested")
			}
		}
		planted := []byte(fmt.Sprintf(`{"payload":%s,"lines":{"x":{"sku2":%q}},%q:{"id":%q},"customer":[{"id":%q}]}`, asJSON(data), canary, canary, canary, canary))
		for _, d := range [][]byte{data, planted} {
			p := orders(t).Payload("orders", d, redact.Limit{Lines: lines})
			if said := fmt.Sprintf("%+v", p); strings.Contains(said, canary) {
				t.Errorf("%s", said)
			}
			if len(p.Fields) > max(lines, 50) {
				t.Errorf("%d fields", len(p.Fields))
			}
		}
	})
}

func asJSON(data []byte) []byte {
	if json.Valid(data) {
		return data
	}
	quoted, _ := json.Marshal(string(data))
	return quoted
}

// atSafePath reports whether the canary may be at a path that orders calls safe: it
// need not be exact.
func atSafePath(v any) bool {
	m, _ := v.(map[string]any)
	for _, key := range []string{"schema", "customer", "lines", "by", "odd/key", "total"} {
		if strings.Contains(fmt.Sprint(m[key]), canary) {
			return true
		}
	}
	return false
}

func FuzzText_ACanaryNeverComesOut(f *testing.F) {
	f.Add("string", "panic: ", "")
	f.Add("runtime.boundsError", "runtime error: index out of range [", "]")
	f.Add("", "goroutine 1 [running labels:{\"a\": \"", "\"}]:\nmain.f(0x1)\n\t/x.go:1 +0x1d")
	f.Add("", "panic: a\n\t", "\n\ngoroutine 1 [running]:")
	f.Fuzz(func(t *testing.T, kind, before, after string) {
		if kind == "*pgconn.PgError" || kind == "syscall.Errno" {
			t.Skip("texts of this type are called safe; any other type is tested")
		}
		r := orders(t)
		text := before + canary + after
		if got := r.Text(kind, text) + r.Death(text); strings.Contains(got, canary) {
			t.Errorf("text %q", got)
		}
		// The runtime indents the lines of a panic's text.
		words := "panic: " + strings.ReplaceAll(text, "\n", "\n\t") + "\n\ngoroutine 1 [running]:\nmain.f()\n"
		var b strings.Builder
		s := redact.NewStderr(&b, r)
		_, _ = s.Write([]byte(words[:len(words)/2]))
		_, _ = s.Write([]byte(words[len(words)/2:]))
		_ = s.Close()
		if strings.Contains(b.String(), canary) || !strings.Contains(b.String(), "goroutine 1 [running]:") {
			t.Errorf("standard error %q", b.String())
		}
	})
}

func BenchmarkPayload(b *testing.B) {
	r := orders(b)
	data := []byte(`{"schema":1,"customer":{"id":"c-7","name":"Ada"},"lines":[` + strings.Repeat(`{"sku":"a","n":1},`, 20) + `{"sku":"b"}]}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_ = r.Payload("orders", data, redact.Limit{})
	}
}
