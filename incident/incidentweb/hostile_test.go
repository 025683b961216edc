package incidentweb_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

// hostileBodies are bodies that no route may take as they are, or fall over.
func hostileBodies() map[string]string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return map[string]string{
		"one byte":       "{",
		"null":           "null",
		"number":         "7",
		"text":           `"name"`,
		"list":           `[{"name":"x"}]`,
		"all bytes":      string(all),
		"NUL":            "\x00",
		"BOM":            "\ufeff{}",
		"truncated":      `{"name":"x`,
		"two values":     `{"name":"x"}{"name":"y"}`,
		"deep lists":     strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep objects":   strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"unknown":        `{"name":"x","__proto__":{"role":"admin"}}`,
		"unknown twice":  `{"name":"x","role":"a","role":"b"}`,
		"many keys":      "{" + strings.TrimSuffix(strings.Repeat(`"k":1,`, 100_000), ",") + "}",
		"huge number":    `{"name":1e999999}`,
		"huge text":      `{"name":"` + strings.Repeat("x", 2<<20) + `"}`,
		"terminal":       "{\"\x1b]0;title\x07\":1}",
		"form":           "name=x&triage=true",
		"xml":            `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>`,
		"lone surrogate": `{"\ud800":1}`,
	}
}

// TestHostile_Bodies sends each hostile body to each route that has one, as somebody who may call it.
// Each is refused with a status that is the caller's fault, in an answer that can be shown, and nothing
// of an incident changes.
func TestHostile_Bodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	ref := b.declare(boss, "k", `{"name":"x"}`)
	before, err := b.memory.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range incidentweb.Table() {
		if row.Method == http.MethodGet || !strings.HasPrefix(row.Path, "/v1/") || strings.HasPrefix(row.Path, "/v1/alerts") {
			continue
		}
		path := placeholder.ReplaceAllString(strings.Replace(row.Path, "{ref}", ref, 1), "1")
		for name, body := range hostileBodies() {
			if row.Method == http.MethodDelete && strings.HasPrefix(row.Path, "/v1/tokens") {
				continue // it reads no body
			}
			w := b.do(ask{method: row.Method, path: path, token: boss, body: body, header: []string{"Idempotency-Key", "h", "If-Match", "1"}})
			// Of an escalation that nobody knows nothing else is asked.
			unknown := w.Code == http.StatusNotFound && strings.HasPrefix(row.Path, "/v1/escalations/")
			want := unknown || w.Code == http.StatusBadRequest || w.Code == http.StatusRequestEntityTooLarge && name == "huge text"
			if !want || w.Body.Len() > 4096 || !printable(w.Body.String()) || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %s, %s: %d %.300q", row.Method, row.Path, name, w.Code, w.Body)
			}
		}
	}
	after, err := b.memory.Get(t.Context(), ref)
	if err != nil || after.Seq != before.Seq || after.Version != before.Version {
		t.Errorf("the incident changed: %d, %d → %d, %d (%v)", before.Version, before.Seq, after.Version, after.Seq, err)
	}
	if strings.Contains(b.log.String(), "panicked") {
		t.Errorf("something panicked: %.2000s", b.log)
	}
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(strings.TrimSuffix(text, "\n"), unicode.IsControl)
}

// TestHostile_Texts declares incidents with what may come in a text, and looks at every way in which
// it is shown: JSON that a browser does not take for a page, without control characters.
func TestHostile_Texts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	for i, text := range []string{
		"<script>alert(1)</script>", "a\x00b", "\x1b[31mred", "\u202egnp.exe", "a\r\nb: c", "\xff\xfe", "{{.}}", "'; DROP TABLE incident; --",
		"<!channel>", "=cmd()", strings.Repeat("\u0301", 199) + "x",
	} {
		body, err := json.Marshal(map[string]any{"name": text, "summary": text})
		if err != nil {
			t.Fatal(err)
		}
		ref := b.declare(boss, fmt.Sprint(i), string(body))
		for _, path := range []string{"", "/timeline?all=true", "/effects"} {
			w := b.do(ask{method: http.MethodGet, path: "/v1/incidents/" + ref + path, token: boss})
			if w.Code != http.StatusOK || !printable(w.Body.String()) || strings.ContainsAny(w.Body.String(), "<>\u202e\x1b") {
				t.Errorf("%q at %s: %d %q", text, path, w.Code, w.Body)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%q at %s may be sniffed", text, path)
			}
		}
	}
}

func TestHostile_Paths(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	for _, ref := range []string{
		"%00", "INC-0", "INC--1", "INC-99999999999999999999", "..%2F..%2Fetc", "%ff", "%1b%5B31m", "a%0d%0aSet-Cookie:%20x", strings.Repeat("x", 5000),
	} {
		w := b.do(ask{method: http.MethodGet, path: "/v1/incidents/" + ref, token: boss})
		if w.Code != http.StatusNotFound && w.Code != http.StatusBadRequest || !printable(w.Body.String()) || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%.40q: %d %.200q", ref, w.Code, w.Body)
		}
	}
}

// FuzzDeclare: whatever comes as a body, the answer is a status that is not our fault, in JSON.
func FuzzDeclare(f *testing.F) {
	for _, body := range hostileBodies() {
		if len(body) < 1000 {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`{"name":"x","severity":"minor","fields":{"a":["b"]},"impact_started":"2026-11-18T00:00:00Z","triage":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b := setup(t)
		token := b.token(incident.Responder)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/incidents", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Idempotency-Key", "k")
		w := httptest.NewRecorder()
		b.api.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes()) {
			t.Fatalf("%q: %d %q", body, w.Code, w.Body)
		}
	})
}
