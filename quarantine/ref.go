package quarantine

import "strings"

// alphabet is Crockford's base32: no I, L, O and U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// EntryRef returns the short reference of the entry with number seq >= 1.
func EntryRef(seq int64) string { return "Q-" + shortRef(seq, 0) }

// GroupRef returns the short reference of the group with number seq >= 1.
func GroupRef(seq int64) string { return "G-" + shortRef(seq, 1) }

// CrashRef returns the short reference of the crash report with number seq >= 1.
func CrashRef(seq int64) string { return "C-" + shortRef(seq, 2) }

// shortRef writes a number as the shortest of 4, 5, 6 … symbols whose space
// holds it. Within one length the numbers are scattered by an odd multiplier,
// which is a bijection modulo a power of two: neighbours look nothing alike, so
// a slip of the finger does not hit the entry next door, and no two are equal.
// Each kind of reference has its own scatter, so that entry and group of one
// number do not look like the same thing.
func shortRef(seq int64, kind uint64) string {
	const scatter = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio, odd
	n, length := uint64(seq-1), 4
	for length < 12 && n >= 1<<(5*length) {
		n -= 1 << (5 * length)
		length++
	}
	n = (n*scatter + scatter>>(7+kind)) & (1<<(5*length) - 1)
	out := make([]byte, length)
	for i := range out {
		out[i] = alphabet[n>>(5*(length-1-i))&31]
	}
	return string(out)
}

// NormalizeRef brings a typed reference into the stored form: upper case, with
// I and L read as 1 and O as 0, keeping a leading letter and dash such as "q-".
// It reports false for anything that cannot be a reference or a prefix of one.
func NormalizeRef(prefix, typed string) (string, bool) {
	s := strings.ToUpper(strings.TrimSpace(typed))
	s = strings.TrimPrefix(s, prefix)
	s = strings.NewReplacer("I", "1", "L", "1", "O", "0").Replace(s)
	if s == "" || len(s) > 12 || strings.Trim(s, alphabet) != "" {
		return "", false
	}
	return prefix + s, true
}
