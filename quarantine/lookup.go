package quarantine

import "fmt"

// PickRef chooses among references that begin with the normalised prefix, given
// in ascending order: an exact match wins, else there must be one only. A store
// need not pass more than eleven.
func PickRef(prefix string, matches []string) (string, error) {
	switch {
	case len(matches) == 0:
		return "", said(ErrNotFound, "no reference begins with %q", prefix)
	case len(matches) == 1 || matches[0] == prefix:
		return matches[0], nil
	default:
		return "", &AmbiguousError{Prefix: prefix, Matches: matches[:min(len(matches), 10)]}
	}
}

// Validate reports an error wrapping [ErrInvalid] for an entry that no store
// can keep.
func (n NewEntry) Validate() error {
	switch {
	case n.Entry.ID == "":
		return fmt.Errorf("a new entry has no id: %w", ErrInvalid)
	case n.Identity == [32]byte{}:
		return fmt.Errorf("new entry %s has no identity: %w", n.Entry.ID, ErrInvalid)
	}
	return nil
}
