package incident

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCleanText_ShowsWhatItReplaces(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"plain":                 "plain",
		" a\r\nb\tc \n":         "a\nb\tc",
		"a\x00b\x1b[31mc\x7f":   "a\uFFFDb\uFFFD[31mc\uFFFD",
		"a\xff\xfeb":            "a\uFFFDb",
		"a\u0085b\u2028c":       "a\uFFFDb\uFFFDc",
		"exe\u202Egnp.\u2069 x": "exe\uFFFDgnp.\uFFFD x",
		"日本 👩‍🚒":                "日本 👩‍🚒",
	} {
		if got := cleanText(in); got != want {
			t.Errorf("cleanText(%q) = %q, want %q", in, got, want)
		}
	}
	if got := cleanLine("a\nb\tc"); got != "a b c" {
		t.Errorf("on one line %q", got)
	}
}

// TestNeedText_NothingToSee: what has characters and shows none is as empty as what has none.
func TestNeedText_NothingToSee(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " \n\t", "\u00a0\u3000", "\u200b", "\u200b\u200c\u200d\u2060\ufeff", " \u00ad ", "\u115f\u1160\u3164\uffa0", "\ufe0f\ufe0f", "\u034f",
		"\u180e", "\u2800", "\U000e0020\U000e007f", "\U000e0100",
	} {
		got, err := needText("name", in, maxName)
		if e, ok := errors.AsType[*FieldError](err); !ok || e.Field != "name" || e.Problem != "must not be empty" {
			t.Errorf("%+q is taken as %+q (%v)", in, got, err)
		}
	}
	for _, in := range []string{"a\u200b", "日本", "👩\u200d🚒", "☎\ufe0f", "\u0301", "-", "\x00", "\u202e", "नमस्ते", "می\u200cخواهم"} {
		if _, err := needText("name", in, maxName); err != nil {
			t.Errorf("%+q is refused: %v", in, err)
		}
	}
}

func TestText_BoundsAreInCharacters(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat("é", 200)
	if got, err := text("name", fits, 200); err != nil || got != fits {
		t.Errorf("200 characters: %q, %v", got, err)
	}
	for _, long := range []string{fits + "é", strings.Repeat("x", 1_000_000)} {
		_, err := text("name", long, 200)
		if e, ok := errors.AsType[*FieldError](err); !ok || e.Field != "name" {
			t.Errorf("%d bytes: %v", len(long), err)
		}
	}
	if got := clip(fits+"é", 200); utf8.RuneCountInString(got) != 200 || !strings.HasSuffix(got, "é…") {
		t.Errorf("cut to %d characters: %q", utf8.RuneCountInString(got), got)
	}
}

func TestNewKey_KeepsDifferentTextsApart(t *testing.T) {
	t.Parallel()
	texts := []string{"a", "a\x00", "a\x01", "a\uFFFD", " a", strings.Repeat("k", 300), strings.Repeat("k", 301), strings.Repeat("k", 302)}
	seen := map[string]string{}
	for _, s := range texts {
		k := NewKey(s, true)
		if other, taken := seen[k.Text]; taken {
			t.Errorf("%q and %q are one key", s, other)
		}
		seen[k.Text] = s
		if again := NewKey(k.Text, true); again != k {
			t.Errorf("the key of %q changes when it is made again: %q, %q", s, k.Text, again.Text)
		}
	}
	if k := NewKey("slack:view:V1", false); k.Text != "slack:view:V1" || k.Open {
		t.Errorf("a plain one is %+v", k)
	}
}

// FuzzText asks of every text, however it came in: it is valid, shows no control character, is as
// short as promised, and is not changed by being cleaned again.
func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "a\x00b", "\xff\xfe", "a\r\nb", "\u202Ex", strings.Repeat("é", 300), " \n ", "\x1b]0;x\a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range [][2]string{
			{"text", cleanText(s)}, {"line", cleanLine(s)}, {"clipped", clip(s, maxName)}, {"cut", cutText(s, maxName)}, {"key", NewKey(s, true).Text},
		} {
			name, got := c[0], c[1]
			if !utf8.ValidString(got) {
				t.Errorf("%s of %q is no UTF-8: %q", name, s, got)
			}
			for _, c := range got {
				allowed := (name == "text" || name == "cut") && (c == '\n' || c == '\t')
				if (unicode.IsControl(c) || turnsWriting(c)) && !allowed {
					t.Errorf("%s of %q has %U", name, s, c)
				}
			}
			if name != "text" && name != "line" && utf8.RuneCountInString(got) > maxKey {
				t.Errorf("%s of %q is %d characters", name, s, utf8.RuneCountInString(got))
			}
		}
		if once := cleanText(s); cleanText(once) != once {
			t.Errorf("cleaned twice, %q becomes %q", once, cleanText(once))
		}
		if once := clip(s, maxName); clip(once, maxName) != once || utf8.RuneCountInString(once) > maxName {
			t.Errorf("clipped twice, %q becomes %q", once, clip(once, maxName))
		}
		if key := NewKey(s, true).Text; NewKey(key, true).Text != key {
			t.Errorf("made twice, the key %q becomes %q", key, NewKey(key, true).Text)
		}
		_ = Line(Event{Type: EventType(s), Actor: Actor{Name: s}, Data: []byte(s)})
	})
}
