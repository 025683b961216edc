package webkit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac/theriac/internal/webkit"
)

type body struct {
	Name  string            `json:"name"`
	Count int64             `json:"count"`
	More  map[string]string `json:"more"`
	Deep  any               `json:"deep"`
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	tests := []struct{ name, in, want string }{
		{"Fine", `{"name":"a","count":3,"more":{"x":"1","y":"2"}}`, ""},
		{"Spaces", " \n{} \t", ""},
		{"SameNameInTwoObjects", `{"more":{"name":"1"},"name":"2"}`, ""},
		{"NameAsAValue", `{"name":"name","count":1}`, ""},
		{"Empty", ``, "malformed"},
		{"Null", `null`, "must be a JSON object"},
		{"List", `[]`, "must be a JSON object"},
		{"Unknown", `{"nmae":"a"}`, "nmae is not known here"},
		{"OtherCase", `{"Name":"a"}`, "Name is not known here"},
		{"UnknownHostile", "{\"\\u001b[31m\u202e\":1}", `\x1b[31m\u202e is not known here`},
		{"Twice", `{"name":"a","name":"b"}`, "name stands there twice"},
		{"TwiceInside", `{"more":{"x":"1","x":"2"}}`, "x stands there twice"},
		{"TwiceByCase", `{"more":{"k":"1","K":"2"}}`, "stands there twice"},
		{"TwiceInList", `{"deep":[{"x":1,"x":2}]}`, "x stands there twice"},
		{"Trailing", `{} {}`, "behind the JSON object"},
		{"TrailingBytes", `{}x`, "malformed"},
		{"TrailingClose", `{}}`, "malformed"},
		{"Truncated", `{"name":"a"`, "malformed"},
		{"Deep", `{"deep":` + deep + `}`, "nested deeper"},
		{"WrongType", `{"name":7}`, "name: a JSON number does not fit"},
		{"TooLargeNumber", `{"count":18446744073709551616}`, "count: a JSON number 18446744073709551616 does not fit"},
		{"Exponent", `{"count":1e999999}`, "count: a JSON number 1e999999 does not fit"},
		{"ExponentAnywhere", `{"deep":1e999999}`, "does not fit"},
		{"BOM", "\ufeff{}", "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := webkit.DecodeJSON([]byte(tt.in), &body{})
			if tt.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var p *webkit.Problem
			if !errors.As(err, &p) || p.Status != http.StatusBadRequest || !strings.Contains(p.Detail, tt.want) {
				t.Errorf("got %v, want status 400 with %q", err, tt.want)
			}
		})
	}
}

// FuzzDecodeJSON holds three promises: nothing panics, what is taken is one JSON object of the known
// names, and what is refused is said in a short text that can be printed.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"name":"a","count":1}`, `{"more":{"a":"b","A":"c"}}`, `{"deep":[[{}]]}`, `{}{}`, "{\"\x00\":1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var b body
		err := webkit.DecodeJSON(in, &b)
		if err == nil {
			var names map[string]json.RawMessage
			if json.Unmarshal(in, &names) != nil {
				t.Fatalf("%q was taken and is no object", in)
			}
			for name := range names {
				if name != "name" && name != "count" && name != "more" && name != "deep" {
					t.Fatalf("%q was taken with the name %q", in, name)
				}
			}
			return
		}
		var p *webkit.Problem
		if !errors.As(err, &p) || p.Status != http.StatusBadRequest {
			t.Fatalf("%q: %v is no problem with status 400", in, err)
		}
		if len(p.Detail) > 1000 || bytes.ContainsAny([]byte(p.Detail), "\x00\x1b\r\n") {
			t.Fatalf("%q: the detail is not fit to be shown: %q", in, p.Detail)
		}
	})
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		size   int
		status int
	}{{"Fits", 100, 0}, {"TooLarge", 101, http.StatusRequestEntityTooLarge}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", tt.size)))
			got, err := webkit.ReadBody(httptest.NewRecorder(), r, 100)
			var p *webkit.Problem
			if errors.As(err, &p) != (tt.status != 0) || tt.status != 0 && p.Status != tt.status || err == nil && len(got) != tt.size {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestWantJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, encoding string
		ok             bool
	}{
		{"application/json", "", true},
		{"application/json; charset=utf-8", "identity", true},
		{"Application/JSON", "", true},
		{"", "", false},
		{"text/plain", "", false},
		{"application/x-www-form-urlencoded", "", false},
		{"application/json", "gzip", false},
		{"application/json;;;=", "", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", tt.kind)
		r.Header.Set("Content-Encoding", tt.encoding)
		if err := webkit.WantJSON(r); (err == nil) != tt.ok {
			t.Errorf("%q, %q: %v", tt.kind, tt.encoding, err)
		}
	}
}
