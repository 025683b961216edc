package webkit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/webkit"
)

func TestProblem_Write(t *testing.T) {
	t.Parallel()
	p := webkit.Problemf(http.StatusConflict, "transition", "INC-1 is <b>closed</b>").With("from", "closed").With("code", "forged")
	p.RetryAfter = 1500 * time.Millisecond
	w := httptest.NewRecorder()
	p.Write(w)
	if strings.Contains(w.Body.String(), "<b>") {
		t.Errorf("markup goes out as it came: %s", w.Body)
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "urn:theriac:problem:transition", "title": "Conflict", "status": 409.0, "code": "transition",
		"detail": "INC-1 is <b>closed</b>", "from": "closed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	header := map[string]string{}
	for _, name := range []string{"Content-Type", "Retry-After", "X-Content-Type-Options", "Cache-Control"} {
		header[name] = w.Header().Get(name)
	}
	wantHeader := map[string]string{
		"Content-Type": "application/problem+json", "Retry-After": "2", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	}
	if diff := cmp.Diff(wantHeader, header); diff != "" || w.Code != http.StatusConflict {
		t.Errorf("status %d, headers (-want +got):\n%s", w.Code, diff)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []string
		want   string
		ok     bool
	}{
		{nil, "", false},
		{[]string{"Bearer thr_1"}, "thr_1", true},
		{[]string{"bearer thr_1"}, "thr_1", true},
		{[]string{"Bearer"}, "", false},
		{[]string{"Bearer "}, "", false},
		{[]string{"Basic thr_1"}, "thr_1", false},
		{[]string{"Bearer a, Bearer b"}, "a, Bearer b", false},
		{[]string{"Bearer a", "Bearer b"}, "", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Authorization"] = tt.values
		got, ok := webkit.Bearer(r)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q: %q, %t", tt.values, got, ok)
		}
	}
}
