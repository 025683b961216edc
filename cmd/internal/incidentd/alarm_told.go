package incidentd

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// maxSubjects bounds the memory of what was told, maxKept what of it outlives the process: enough for all
	// that a watchdog finds at once.
	maxSubjects = 10_000
	maxKept     = 1000
	// maxToldFile is how much of the file is read, in bytes. What is written stays far below.
	maxToldFile = 1 << 20
)

// subjects remembers when each subject was told. What reached people is kept in a file as well, since a
// process that crashes again and again would tell them the same at each start. The processes of one data
// directory share the file; where two write at once one entry may be lost, which costs an alarm too many. It
// is safe for concurrent use.
type subjects struct {
	file string

	mu   sync.Mutex
	told map[string]time.Time // by digest
}

// newSubjects returns what the file says. One that is missing or damaged says nothing: it is a help against
// noise, and no reason to be silent.
func newSubjects(file string) *subjects {
	s := &subjects{file: file}
	s.told = s.read()
	return s
}

// subjectDigest is how a subject is known: it may be of any length, and may name what is private.
func subjectDigest(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return hex.EncodeToString(sum[:16])
}

// quiet reports whether what was told then need not be told now. A time to come is no time that it was told:
// the clock was set back, or the file is damaged.
func quiet(then, now time.Time) bool {
	age := now.Sub(then)
	return age >= 0 && age < alarmQuiet
}

// claim notes that a subject is told now, and reports false where it was a moment ago.
func (s *subjects) claim(subject string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := subjectDigest(subject)
	if then, ok := s.told[key]; ok && quiet(then, now) {
		return false
	}
	if len(s.told) >= maxSubjects {
		s.told = newest(s.told, now, maxSubjects-1)
	}
	s.told[key] = now
	return true
}

// forget takes a claim back: nobody heard of it.
func (s *subjects) forget(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.told, subjectDigest(subject))
}

// keep notes in the file that people were told of a subject. What was only claimed does not stand there: the
// process may die before anybody hears of it.
func (s *subjects) keep(subject string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.read()
	kept[subjectDigest(subject)] = now
	if err := s.write(newest(kept, now, maxKept)); err != nil {
		return fmt.Errorf("note that an alarm was raised: %w", err)
	}
	return nil
}

// newest returns the n that were told last, without those that may be told again.
func newest(told map[string]time.Time, now time.Time, n int) map[string]time.Time {
	keys := slices.SortedFunc(maps.Keys(told), func(a, b string) int {
		return cmp.Or(told[b].Compare(told[a]), cmp.Compare(a, b))
	})
	kept := map[string]time.Time{}
	for _, key := range keys {
		if len(kept) < n && quiet(told[key], now) {
			kept[key] = told[key]
		}
	}
	return kept
}

func (s *subjects) read() map[string]time.Time {
	told := map[string]time.Time{}
	f, err := os.Open(s.file)
	if err != nil {
		return told
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxToldFile))
	if err != nil || json.Unmarshal(text, &told) != nil || told == nil {
		return map[string]time.Time{}
	}
	return told
}

// write puts the file in place so that a reader finds the old one or the new one, also after a loss of power.
func (s *subjects) write(told map[string]time.Time) error {
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(s.file), filepath.Base(s.file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), s.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
