package slackkit_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/internal/slackkit"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"nil pointer dereference", 100, "nil pointer dereference"},
		{"", 10, ""},
		{"x", 0, ""},
		{"x", -1, ""},
		{"<!channel> <!here> <@U1> <#C1>", 200, "&lt;!channel&gt; &lt;!here&gt; &lt;@U1&gt; &lt;#C1&gt;"},
		{"<https://evil|bank.com>", 100, "&lt;https://evil|bank.com&gt;"},
		{"&lt;!channel&gt;", 100, "&amp;lt;!channel&amp;gt;"},
		{"```\nfence", 100, "ˋˋˋ\nfence"},
		{"a`b", 100, "aˋb"},
		{"line\tone\nline two", 100, "line\tone\nline two"},
		{"over\rwrite", 100, `over\rwrite`},
		{"\x1b]0;title\x07", 100, `\x1b]0;title\x07`},
		{"\u202egnp.exe", 100, `\u202egnp.exe`},
		{"a\u200bb\ufeffc\u00ad", 100, `a\u200bb\ufeffc\u00ad`},
		{"\u2028\u2029\u3164", 100, `\u2028\u2029\u3164`},
		{"\U000e0041", 100, `\U000e0041`},
		{"\xff\xc0\xaf", 100, `\xff\xc0\xaf`},
		{"\x00", 100, `\x00`},
		{"\u0085", 100, `\x85`},
		{"Grüße, 世界 🎉", 100, "Grüße, 世界 🎉"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcde…"},
		{"世界世界", 3, "世界…"},
		{"ab<", 5, "ab…"},
		{"ab<", 6, "ab&lt;"},
		{"<<", 4, "…"},
		{"<x", 4, "…"},
		{"xy", 1, "…"},
		{"x", 1, "x"},
	} {
		if got := slackkit.Escape(tt.in, tt.most); got != tt.want {
			t.Errorf("Escape(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"a & b", 100, "a & b"},
		{"<!channel> `x`", 100, "‹!channel› `x`"},
		{"two\nlines\tand\ra tab", 100, `two lines and\ra tab`},
		{"\u202e", 100, `\u202e`},
		{strings.Repeat("x", 151), 150, strings.Repeat("x", 149) + "…"},
	} {
		if got := slackkit.Plain(tt.in, tt.most); got != tt.want {
			t.Errorf("Plain(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}

// TestEscape_HugeText_CostsWhatIsShown would not end in time if the text were read to its end.
func TestEscape_HugeText_CostsWhatIsShown(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("\n", 50<<20)
	for range 2000 {
		slackkit.Escape(huge, 100)
	}
}

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{
		"", "<!channel>", "```", "&&&", "\xff\xfe", "\u202e\u200b", "<@U1|x>", "&lt;", strings.Repeat("<", 50), "\x1b[2J\r", "🎉\U000e0041",
	} {
		f.Add(seed, 20)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		most %= 5000
		escaped := slackkit.Escape(text, most)
		checkShown(t, escaped, most)
		if strings.ContainsAny(escaped, "<>`") {
			t.Errorf("%q has markup left", escaped)
		}
		if strings.Contains(entity.ReplaceAllString(escaped, ""), "&") {
			t.Errorf("%q has an & that is no entity", escaped)
		}
		plain := slackkit.Plain(text, most)
		checkShown(t, plain, most)
		if strings.ContainsAny(plain, "<>\n\t") {
			t.Errorf("%q has markup or breaks left", plain)
		}
	})
}

// checkShown holds for whatever is shown to people.
func checkShown(t *testing.T, text string, most int) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%q is no UTF-8", text)
	}
	if n := utf8.RuneCountInString(text); n > max(most, 0) {
		t.Errorf("%q has %d runes, more than %d", text, n, most)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Errorf("%q shows %U", text, r)
		}
	}
}
