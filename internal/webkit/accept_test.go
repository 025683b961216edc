package webkit_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac/theriac/internal/webkit"
)

// TestPrefersHTML: browsers do, programs do not, and who takes either is a program.
func TestPrefersHTML(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "application/problem+json, */*;q=0.5": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": true, // Firefox, Chrome
		"text/html":                                 true,
		"TEXT/HTML ; charset=utf-8":                 true,
		"text/*":                                    true,
		"text/html, application/json":               false,
		"application/json;q=0.9, text/html":         true,
		"application/json, text/html;q=0.9":         false,
		"text/html;q=0.5, */*":                      false,
		"text/html;q=0.5, application/*;q=0.6":      false,
		"text/html;q=0.5, application/problem+json": false,
		"text/html;q=0":                             false,
		"text/html;q=0, text/*":                     false,
		"text/html;q=x":                             false,
		"text/html;q=7":                             false,
		"text/html;q=NaN":                           false,
		"text/html;;;,,,text":                       false,
		strings.Repeat("text/html,", 10_000):        true,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Accept", accept)
		if got := webkit.PrefersHTML(r); got != want {
			t.Errorf("%.80q: %t, want %t", accept, got, want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	if webkit.PrefersHTML(r) {
		t.Error("without the header a page is sent")
	}
	r.Header["Accept"] = []string{"image/png", "text/html"}
	if !webkit.PrefersHTML(r) {
		t.Error("of two headers the second is not read")
	}
}
