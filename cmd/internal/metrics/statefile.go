package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxState bounds the state file, which another program may have written.
const maxState = 64 << 20

// stateVersion is the form of the state file; one of another form is left out.
const stateVersion = 1

type stateFile struct {
	Version int `json:"version"`
	*ledger
}

// load reads what an earlier server kept. Without a file it is an empty ledger, and so it is, with an
// error, when the file cannot be read: numbers then begin at 0.
func load(path string) (*ledger, error) {
	l := newLedger()
	if path == "" {
		return l, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil
	case err != nil:
		return l, err
	case info.Size() > maxState:
		return l, fmt.Errorf("%s has %d bytes: that is none of ours", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return l, err
	}
	f := stateFile{ledger: newLedger()}
	if err := json.Unmarshal(text, &f); err != nil {
		return l, fmt.Errorf("%s: %w", path, err)
	}
	if f.Version != stateVersion {
		return l, fmt.Errorf("%s is of version %d, this program writes %d", path, f.Version, stateVersion)
	}
	if !f.index() {
		return l, fmt.Errorf("%s makes no sense", path)
	}
	return f.ledger, nil
}

// index makes the tables, and reports whether what was read makes sense.
func (l *ledger) index() bool {
	l.gone = make(table)
	for _, s := range l.Gone {
		if !s.plausible() {
			return false
		}
		l.gone.add(s)
	}
	if len(l.Sources) > maxSources || len(l.Dead) > maxDead || len(l.Crashes) > maxCrashes {
		return false
	}
	for _, from := range l.Sources {
		if from == nil {
			return false
		}
		from.series = make(table)
		for _, s := range from.Series {
			if !s.plausible() {
				return false
			}
			from.series.add(s)
		}
		from.Series = nil
	}
	l.Gone = nil
	return true
}

func (s *series) plausible() bool {
	switch {
	case s == nil || s.Name == "" || !finite(s.Value, s.Sum) || !finite(s.Bounds...):
		return false
	case s.Kind == histogram:
		return len(s.Buckets) == len(s.Bounds)+1
	default:
		return s.Kind == counter || s.Kind == gauge
	}
}

// save writes the ledger so that a reader finds the old file or the new one. It is not synced: what
// ends this process leaves it whole, and after a loss of power counters may begin anew.
func (l *ledger) save(path string) (err error) {
	if path == "" {
		return nil
	}
	out := ledger{Dead: l.Dead, Crashes: l.Crashes}
	for _, s := range l.gone {
		out.Gone = append(out.Gone, s)
	}
	for _, from := range l.Sources {
		kept := &source{Role: from.Role, Incarnation: from.Incarnation}
		for _, s := range from.series {
			if s.sums() {
				kept.Series = append(kept.Series, s)
			}
		}
		out.Sources = append(out.Sources, kept)
	}
	text, err := json.Marshal(stateFile{Version: stateVersion, ledger: &out})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".metrics-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
