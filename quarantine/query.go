package quarantine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
)

// queryTerm is one key of the query language.
type queryTerm struct {
	key, help string
	set       func(q *Query, value string, now time.Time) error
}

// queryTerms are all keys, in the order in which help lists them.
func queryTerms() []queryTerm {
	return []queryTerm{
		{"sub", "subscription", func(q *Query, v string, _ time.Time) error { q.Subscription = v; return nil }},
		{"group", "group reference or a prefix of one", func(q *Query, v string, _ time.Time) error { q.Group = v; return nil }},
		{"state", "held, replaying, replayed, discarded, several with commas, or all", setStates},
		{"reason", "failed, crashed, hung, permanent, …, several with commas", setReasons},
		{"where", "words in the place", func(q *Query, v string, _ time.Time) error { q.Where = v; return nil }},
		{"build", "version of the program that decided", func(q *Query, v string, _ time.Time) error { q.Build = v; return nil }},
		{"since", "held at or after: 2h, 7d, 2026-11-22, or RFC 3339", func(q *Query, v string, now time.Time) error { return setTime(&q.Since, v, now) }},
		{"until", "held before: the same forms", func(q *Query, v string, now time.Time) error { return setTime(&q.Until, v, now) }},
		{"age", "held longer ago than 2h; with < more recently", setAge},
		{"larger", "payload of more bytes: 500, 64k, 1M", func(q *Query, v string, _ time.Time) (err error) { q.LargerThan, err = parseBytes(v); return err }},
		{"replays", "ran again at least so often", setReplays},
	}
}

// QueryKeys returns the keys that [ParseQuery] knows, each with what it selects,
// in the order of help texts.
func QueryKeys() [][2]string {
	var keys [][2]string
	for _, t := range queryTerms() {
		keys = append(keys, [2]string{t.key, t.help})
	}
	return keys
}

// ParseQuery reads query terms such as "sub:orders", "since:1d" or free text. A
// term is key:value; a term whose beginning is no lower-case word with a colon
// is free text and searches title and error texts. Terms are joined by and. All
// problems are reported at once, each wrapping [ErrInvalid]; that of an unknown
// key lists the known ones. An empty list selects all.
func ParseQuery(terms []string, now time.Time) (Query, error) {
	var q Query
	var text []string
	var errs []error
	seen := map[string]bool{}
	for _, term := range terms {
		key, value, isTerm := splitTerm(term)
		if !isTerm {
			text = append(text, strings.Fields(term)...)
			continue
		}
		if err := q.setTerm(key, value, now, seen); err != nil {
			errs = append(errs, said(ErrInvalid, "query term %q: %v", clean(term, 128), err))
		}
	}
	q.Text = strings.Join(text, " ")
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		errs = append(errs, said(ErrInvalid, "query: nothing lies between %s and %s", clock(q.Since), clock(q.Until)))
	}
	if len(errs) > 0 {
		return Query{}, errors.Join(errs...)
	}
	return q, nil
}

// splitTerm takes key:value apart.
func splitTerm(term string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(term, ":")
	if !ok || key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") != "" {
		return "", "", false
	}
	return key, value, true
}

func (q *Query) setTerm(key, value string, now time.Time, seen map[string]bool) error {
	terms := queryTerms()
	i := slices.IndexFunc(terms, func(t queryTerm) bool { return t.key == key })
	switch {
	case i < 0:
		var known []string
		for _, t := range terms {
			known = append(known, t.key+":")
		}
		return fmt.Errorf("unknown key (known: %s)", strings.Join(known, " "))
	case value == "":
		return fmt.Errorf("has no value, want %s", terms[i].help)
	case seen[key]:
		return fmt.Errorf("%s: stands twice, and terms are joined by and", key)
	}
	seen[key] = true
	return terms[i].set(q, value, now)
}

func setStates(q *Query, value string, _ time.Time) error {
	if value == "all" {
		return nil
	}
	for v := range strings.SplitSeq(value, ",") {
		if !slices.Contains(States(), State(v)) {
			return fmt.Errorf("no such state, want some of %v, or all", States())
		}
		q.States = append(q.States, State(v))
	}
	return nil
}

func setReasons(q *Query, value string, _ time.Time) error {
	for v := range strings.SplitSeq(value, ",") {
		if !slices.Contains(handlers.Reasons(), handlers.Reason(v)) {
			return fmt.Errorf("no such reason, want some of %v", handlers.Reasons())
		}
		q.Reasons = append(q.Reasons, handlers.Reason(v))
	}
	return nil
}

func setReplays(q *Query, value string, _ time.Time) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return errors.New("want a count such as 2")
	}
	q.MinReplays = n
	return nil
}

// setTime reads a moment, or a time before now.
func setTime(t *time.Time, value string, now time.Time) error {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, value); err == nil {
			*t = at.UTC()
			return nil
		}
	}
	d, err := parseSpan(value)
	if err != nil {
		return err
	}
	*t = now.Add(-d)
	return nil
}

func setAge(q *Query, value string, now time.Time) error {
	span, younger := strings.CutPrefix(value, "<")
	d, err := parseSpan(strings.TrimPrefix(span, ">"))
	if err != nil {
		return err
	}
	bound := &q.Until
	if younger {
		bound = &q.Since
	}
	if !bound.IsZero() {
		return errors.New("says the same as since: or until:, use one of them")
	}
	*bound = now.Add(-d)
	return nil
}

// parseSpan is [ParseSpan] for terms that take moments too.
func parseSpan(value string) (time.Duration, error) {
	d, err := ParseSpan(value)
	if err != nil {
		return 0, errors.New("want a time such as 90s, 2h, 7d, 2w, 2026-11-22 or 2026-11-22T03:02:00Z")
	}
	return d, nil
}

// ParseSpan reads a duration of at least 0; beside Go's units d is a day and w a
// week. An error wraps [ErrInvalid].
func ParseSpan(value string) (time.Duration, error) {
	problem := said(ErrInvalid, "%q: want a time such as 90s, 2h, 7d or 2w", clean(value, 64))
	unit := 24 * time.Hour
	number, isUnit := strings.CutSuffix(value, "d")
	if !isUnit {
		unit = 7 * 24 * time.Hour
		number, isUnit = strings.CutSuffix(value, "w")
	}
	if !isUnit {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return 0, problem
		}
		return d, nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > int64(math.MaxInt64/unit) {
		return 0, problem
	}
	return time.Duration(n) * unit, nil
}

// parseBytes reads a count of bytes; k, M and G are powers of 1024.
func parseBytes(value string) (int64, error) {
	v := strings.TrimSuffix(strings.ToLower(value), "b")
	shift := map[byte]uint{'k': 10, 'm': 20, 'g': 30}
	bits := uint(0)
	if v != "" {
		if s, ok := shift[v[len(v)-1]]; ok {
			bits, v = s, v[:len(v)-1]
		}
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>bits {
		return 0, errors.New("want a size such as 500, 64k or 1M")
	}
	return n << bits, nil
}
