package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// groupPrefix begins a reference that means all held entries of a group.
const groupPrefix = "group:"

// findEntry finds the entry that a word names: a reference or a unique prefix of one, its id, the
// broker's message id, or the address of its web page.
func findEntry(ctx context.Context, room *quarantine.Service, word string, opt quarantine.GetOptions) (quarantine.Entry, error) {
	word = lastOfURL(word)
	if uuid.Validate(word) == nil {
		return room.EntryGet(ctx, quarantine.EntryKey{ID: word}, opt)
	}
	if strings.HasPrefix(strings.ToUpper(word), "G-") {
		return quarantine.Entry{}, problem.Errorf(problem.Invalid, "%q is a group; write group:%s, or look at it: theriac groups %s", word, word, word)
	}
	if _, ok := quarantine.NormalizeRef("Q-", word); ok {
		e, err := room.EntryGet(ctx, quarantine.EntryKey{Ref: word}, opt)
		if !errors.Is(err, quarantine.ErrNotFound) {
			return e, err
		}
	}
	e, err := room.EntryGet(ctx, quarantine.EntryKey{MessageID: word}, opt)
	if errors.Is(err, quarantine.ErrNotFound) {
		return e, &noEntryError{word}
	}
	return e, err
}

// noEntryError says that a word names no entry.
type noEntryError struct{ word string }

// Error says what a word may be.
func (e *noEntryError) Error() string {
	return fmt.Sprintf("no entry %q: want a reference such as Q-7F3K, or a message id", e.word)
}

// Unwrap returns [quarantine.ErrNotFound].
func (e *noEntryError) Unwrap() error { return quarantine.ErrNotFound }

func lastOfURL(word string) string {
	if u, err := url.Parse(word); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return path.Base(u.Path)
	}
	return word
}

// words returns the arguments, with "-" replaced by the words of the lines on stdin.
func (t *Tool) words(given []string) ([]string, error) {
	var words []string
	for _, w := range given {
		if w != "-" {
			words = append(words, w)
			continue
		}
		lines := bufio.NewScanner(t.In)
		for lines.Scan() {
			words = append(words, strings.Fields(lines.Text())...)
		}
		if err := lines.Err(); err != nil {
			return nil, problem.Errorf(problem.Invalid, "read references from stdin: %w", err)
		}
	}
	if len(words) == 0 {
		return nil, problem.Errorf(problem.Invalid, "no references on stdin")
	}
	return words, nil
}

// groupOf returns the group that the only word of a list names by "group:".
func groupOf(words []string) (string, bool, error) {
	for _, w := range words {
		group, ok := strings.CutPrefix(w, groupPrefix)
		switch {
		case ok && len(words) > 1:
			return "", false, problem.Errorf(problem.Invalid, "%s stands alone: one group at a time", w)
		case ok && group == "":
			return "", false, problem.Errorf(problem.Invalid, "group: has no reference, want group:G-9C1E")
		case ok:
			return group, true, nil
		}
	}
	return "", false, nil
}

// findAll finds the entries of all words, each once, before anything is done to the first.
func findAll(ctx context.Context, room *quarantine.Service, words []string) ([]quarantine.Entry, error) {
	var found []quarantine.Entry
	seen := map[string]bool{}
	for _, w := range words {
		e, err := findEntry(ctx, room, w, quarantine.GetOptions{})
		if err != nil {
			return nil, err
		}
		if !seen[e.ID] {
			seen[e.ID] = true
			found = append(found, e)
		}
	}
	return found, nil
}
