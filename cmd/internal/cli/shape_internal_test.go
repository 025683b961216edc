package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShape_ShowsNoValue(t *testing.T) {
	t.Parallel()
	data := `{"a":"hunter2","b":[["hunter2"]],"c":{"d":{"e":{"f":"hunter2"}}},"g":4242}`
	lines := strings.Join(shape([]byte(data), whole), "\n")
	if strings.Contains(lines, "hunter2") || strings.Contains(lines, "4242") {
		t.Errorf("a value is shown:\n%s", lines)
	}
}

func TestShape(t *testing.T) {
	t.Parallel()
	small := shapeLimit{lines: 4, depth: 2}
	tests := []struct {
		name, data string
		limit      shapeLimit
		want       []string
	}{
		{"empty", "", small, []string{"empty"}},
		{"binary", "\x00\xff", small, []string{"2 bytes, neither JSON nor UTF-8"}},
		{"text", "one\ntwo", small, []string{"text of 7 bytes in 2 lines, not JSON"}},
		{"scalar", `"secret"`, small, []string{"/                       text of 6"}},
		{"number is not read", `1e999999`, small, []string{"/                       number"}},
		{"two documents", `{} {}`, small, []string{"text of 5 bytes in 1 line, not JSON"}},
		{"cut short", `{"a":`, small, []string{"text of 5 bytes in 1 line, not JSON"}},
		{"only the first item", `[{"a":1},{"b":2}]`, small, []string{
			"/                       2 items", "/0                      1 key", "/0/a                    number",
		}},
		{"below the depth", `{"a":{"b":{"c":{"d":1}}}}`, small, []string{
			"/                       1 key", "/a                      1 key", "/a/b                    1 key",
		}},
		{"too many", `{"a":1,"b":true,"c":null,"d":"x","e":[]}`, small, []string{
			"/                       5 keys", "/a                      number", "/b                      true or false",
			"/c                      null", "… 2 paths more",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, shape([]byte(tt.data), tt.limit)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzShape checks that no payload, however deep or broken, gets more than its lines.
func FuzzShape(f *testing.F) {
	f.Add([]byte(`{"a":["secret"]}`))
	f.Add([]byte(strings.Repeat("[", 100_000)))
	f.Add([]byte(strings.Repeat(`{"a":`, 1000)))
	f.Add([]byte(`[[[[["secret"]]]],2]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		limit := shapeLimit{lines: 5, depth: 3}
		lines := shape(data, limit)
		if len(lines) == 0 || len(lines) > limit.lines+1 {
			t.Errorf("%d lines", len(lines))
		}
	})
}
