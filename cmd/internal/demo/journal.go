package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// kind is what a record of the journal says about an event.
type kind string

const (
	kindPublished kind = "published" // the broker confirmed it
	kindTried     kind = "tried"     // its first try met a busy chat
	kindEffect    kind = "effect"    // its handler did its work
	kindFixed     kind = "fixed"     // the fix was deployed; no event
)

type record struct {
	Kind  kind   `json:"kind"`
	Event string `json:"event,omitempty"`
}

// journal is an append-only file of what happened, one line of JSON each. A line counts once it is
// complete. It is safe for concurrent use.
type journal struct {
	file *os.File

	mu      sync.Mutex
	written uint64

	syncing sync.Mutex
	synced  uint64
}

// openJournal opens or makes the journal and returns what it says. A last line that is cut, because
// its writer was killed, is removed: whoever wrote it had not gone on.
func openJournal(path string) (*journal, []record, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the demo's journal: %w", err)
	}
	records, whole, err := readRecords(file)
	if err == nil {
		err = file.Truncate(whole)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the demo's journal %s: %w", path, err), file.Close())
	}
	return &journal{file: file}, records, nil
}

// readRecords returns the complete records and how many bytes they take.
func readRecords(r io.Reader) (records []record, whole int64, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	for {
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			return records, whole, nil
		}
		var rec record
		if err := json.Unmarshal(line, &rec); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", len(records)+1, err)
		}
		records, whole, text = append(records, rec), whole+int64(len(line))+1, rest
	}
}

// write appends a record. It is on disk once sync returned.
func (j *journal) write(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the demo's journal: %w", err)
	}
	j.written++
	return nil
}

// sync returns when everything that was written before is on disk. Those who wait while another
// syncs share the next.
func (j *journal) sync() error {
	mine := j.count()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if j.synced >= mine {
		return nil
	}
	upTo := j.count()
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync the demo's journal: %w", err)
	}
	j.synced = upTo
	return nil
}

func (j *journal) count() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.written
}

// reread returns what the file says now, not what this process believes.
func (j *journal) reread() ([]record, error) {
	file, err := os.Open(j.file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the demo's journal: %w", err)
	}
	defer file.Close()
	records, _, err := readRecords(file)
	return records, err
}

func (j *journal) close() error { return j.file.Close() }
