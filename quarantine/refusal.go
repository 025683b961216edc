package quarantine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// RefusalsMax is how many refusals a store keeps of one day, by its clock.
const RefusalsMax = 1000

// Refusal is a decision that somebody asked for and may not make.
type Refusal struct {
	// Deed is what they asked for, such as "discard": 1 to 20 small letters, figures and
	// hyphens.
	Deed string
	// Ref names the entry or group, "" where nobody knows which.
	Ref string
	// Decision says who, from where, and, as its reason, why they may not. Its At is given
	// by the store.
	Decision Decision
}

// Refusals stand among the audit rows under such verbs and request keys.
const (
	refusalVerb    = "denied:"
	refusalRequest = "denied:"
)

var deedForm = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

// Audit returns the row of a refusal and its request key, which is the same for the same
// person, deed and subject on one day; of more than one such row only the first is kept.
// Its error wraps [ErrInvalid]. now is the store's clock.
func (r Refusal) Audit(now time.Time) (row AuditRow, request string, err error) {
	switch {
	case !deedForm.MatchString(r.Deed):
		return row, "", said(ErrInvalid, "%q is no deed", clean(r.Deed, 64))
	case len(r.Ref) > nameMax || !utf8.ValidString(r.Ref) || strings.ContainsRune(r.Ref, 0):
		return row, "", said(ErrInvalid, "%s is no reference", clean(r.Ref, 64))
	case strings.TrimSpace(r.Decision.Actor.Name) == "":
		return row, "", said(ErrInvalid, "say who was refused")
	}
	h := sha256.New()
	for _, part := range []string{r.Decision.Actor.Name, r.Decision.Actor.Via, r.Deed, r.Ref} {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	first, _ := RefusalRequests(now)
	row = AuditRow{Ref: r.Ref, Denied: r.Deed, Decision: r.Decision}
	row.Decision.At = now
	return row, first + hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// RefusalRequests returns between which request keys the refusals of a day are: from first
// on, and below end. Of the zero time it is all days.
func RefusalRequests(day time.Time) (first, end string) {
	if day.IsZero() {
		first = refusalRequest
	} else {
		first = refusalRequest + day.UTC().Format(time.DateOnly) + ":"
	}
	return first, first[:len(first)-1] + ";" // which follows the colon
}

// VerbText returns what was done in one word, "" for the move of an entry: the form
// in which stores keep it.
func (r AuditRow) VerbText() string {
	if r.Denied != "" {
		return refusalVerb + r.Denied
	}
	return cmp.Or(string(r.Verb), string(r.Control))
}

// WithVerb is the inverse of [AuditRow.VerbText].
func (r AuditRow) WithVerb(text string) AuditRow {
	if deed, ok := strings.CutPrefix(text, refusalVerb); ok {
		r.Denied = deed
		return r
	}
	switch v := ControlVerb(text); v {
	case ControlPause, ControlResume, ControlShed:
		r.Control = v
	default:
		r.Verb = GroupVerb(text)
	}
	return r
}

// AuditRefusal notes that somebody asked for what they may not do. It changes nothing
// else. Of the same person, deed and subject one row a day is kept, and [RefusalsMax] of
// all: what is above that is left out without an error, so that nobody who may do nothing
// can fill the store. An error that wraps [ErrInvalid] says what is wrong with r.
func (s *Service) AuditRefusal(ctx context.Context, r Refusal) error {
	return s.store.AuditRefusal(ctx, r)
}

// Refusals returns what people asked for and may not do, newest first, at most limit
// (default 100, at most 1000).
func (s *Service) Refusals(ctx context.Context, limit int) ([]AuditRow, error) {
	return s.store.Refusals(ctx, limit)
}
