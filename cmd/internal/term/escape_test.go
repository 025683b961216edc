package term_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/cmd/internal/term"
)

func TestLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "nil pointer dereference", "nil pointer dereference"},
		{"letters of the world", "Zażółć 火事 naïve 🔥", "Zażółć 火事 naïve 🔥"},
		{"screen clear", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"title and bell", "\x1b]0;owned\a", `\x1b]0;owned\a`},
		{"clipboard", "\x1b]52;c;ZWNobw==\x1b\\", `\x1b]52;c;ZWNobw==\x1b\`},
		{"overwrite", "safe\rrm -rf", `safe\rrm -rf`},
		{"forged line", "x\nSTORE DOWN", `x\nSTORE DOWN`},
		{"tab", "a\tb", `a\tb`},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`},
		{"C1 CSI", "a\u009b31m", `a\x9b31m`},
		{"raw C1 byte", "a\x9b31m", `a\x9b31m`},
		{"bad UTF-8", "a\xff\xfeb\xc3", `a\xff\xfeb\xc3`},
		{"overlong", "\xc0\x80", `\xc0\x80`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"right to left override", "a\u202etxt.exe", `a\u202etxt.exe`},
		{"isolates", "\u2066a\u2069", `\u2066a\u2069`},
		{"zero width", "a\u200b\u200d\ufeffb", `a\u200b\u200d\ufeffb`},
		{"soft hyphen", "a\u00adb", `a\xadb`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"tag", "a\U000e0041", `a\U000e0041`},
		{"variation selector", "a\ufe0f", `a\ufe0f`},
		{"invisible letter", "a\u3164b", `a\u3164b`},
		{"private use", "\ue000", `\ue000`},
		{"pile of marks", "a\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301" + `\u0301\u0301`},
		{"replacement character itself", "\ufffd", "\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := term.Line(tt.in); got != tt.want {
				t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestBlock_KeepsItsOwnLines(t *testing.T) {
	t.Parallel()
	if got, want := term.Block("a\n\tb\r\n\x1b"), "a\n\tb\\r\n\\x1b"; got != want {
		t.Errorf("Block = %q, want %q", got, want)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in      string
		columns int
		want    string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"abcdef", 1, "…"},
		{"abcdef", 0, ""},
		{"abcdef", -3, ""},
		{"火事火事", 8, "火事火事"},
		{"火事火事", 6, "火事…"},
		{"火事火事", 4, "火…"},
		{"", 0, ""},
	}
	for _, tt := range tests {
		if got := term.Clip(tt.columns, tt.in); got != tt.want {
			t.Errorf("Clip(%d, %q) = %q, want %q", tt.columns, tt.in, got, tt.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{
		"", "a", "\x1b[31m\r\n", "\u202e\u200b\xff\xed\xa0\x80", "\U000e0041\u009b", "a\u0301\u0301\u0301\u0301\u0301b", "火事\ue000",
	} {
		f.Add(seed, 10)
	}
	f.Fuzz(func(t *testing.T, s string, columns int) {
		line, block := term.Line(s), term.Block(s)
		requireHarmless(t, line, "")
		requireHarmless(t, block, "\n\t")
		if again := term.Line(line); again != line {
			t.Errorf("Line is not idempotent: %q became %q", line, again)
		}
		if again := term.Block(block); again != block {
			t.Errorf("Block is not idempotent: %q became %q", block, again)
		}
		cut := term.Clip(columns, line)
		if got := term.Width(cut); got > max(columns, 0) {
			t.Errorf("Clip(%d) is %d wide: %q", columns, got, cut)
		}
		if term.Clip(columns, cut) != cut {
			t.Errorf("Clip is not idempotent on %q", cut)
		}
		requireSameJSON(t, s)
	})
}

func requireSameJSON(t *testing.T, s string) {
	t.Helper()
	plain, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	safe := term.JSON(plain)
	requireHarmless(t, string(safe), "\n\t")
	var want, got string
	if err := json.Unmarshal(plain, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(safe, &got); err != nil || got != want {
		t.Errorf("JSON(%s) = %s decodes to %q (%v), want %q", plain, safe, got, err, want)
	}
}

// requireHarmless checks what reaches a screen without using the code under test.
func requireHarmless(t *testing.T, s, keep string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("not UTF-8: %q", s)
	}
	for _, r := range s {
		if strings.ContainsRune(keep, r) {
			continue
		}
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) || unicode.Is(unicode.Variation_Selector, r) {
			t.Errorf("%U reaches the screen in %q", r, s)
		}
	}
}
