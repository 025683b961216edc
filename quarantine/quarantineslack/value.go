package quarantineslack

import (
	"fmt"
	"regexp"
	"strconv"
)

// value is what a button carries: which entry, group or subscription ("S-", see
// subRef; it has no version), at which version, as it was
// when the message was made. It comes back from a browser and is no proof of
// anything: what it asks for is checked like any request.
type value struct {
	Ref     string
	Version int64
	// Verb is what an option of a menu does, "" for a button.
	Verb string
}

// The verbs.
const (
	verbSnooze1h  = "snooze-1h"
	verbSnooze24h = "snooze-24h"
	verbDeclare   = "declare"
	verbPause     = "pause"
)

var valueForm = regexp.MustCompile(`^v1:([QGS]-[0-9A-HJKMNP-TV-Z]{1,26}):([1-9][0-9]{0,17}|0)(?::([a-z0-9-]{1,20}))?$`)

// String is the form in which it travels: "v1:Q-7F3K:8".
func (v value) String() string {
	s := fmt.Sprintf("v1:%s:%d", v.Ref, v.Version)
	if v.Verb != "" {
		s += ":" + v.Verb
	}
	return s
}

// parseValue is the inverse of String; it reports false for anything else.
func parseValue(s string) (value, bool) {
	m := valueForm.FindStringSubmatch(s)
	if m == nil {
		return value{}, false
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	return value{Ref: m[1], Version: n, Verb: m[3]}, err == nil
}
