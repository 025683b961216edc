package incidenttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/incident"
)

// Options are what a store in memory may be told.
type Options struct {
	// Now is its clock, such as that of a [Clock]. Default: time.Now, so that in a synctest bubble it keeps
	// the bubble's time.
	Now func() time.Time
}

// Store is an [incident.Stores] in memory. It keeps every promise of the interfaces within one process
// and forgets everything with it. It is safe for concurrent use.
type Store struct {
	clock func() time.Time

	mu      sync.Mutex
	failure error
	woken   chan struct{} // closed when something waits for the broker, and made anew

	incidents map[string]*record
	numbers   []*record // by number - 1
	keys      map[string]heldKey
	events    map[string]*stored // by id
	lists     map[string][]*stored
	queue     []*waiting // what is to be published, oldest first, and what was not swept yet
	effects   map[string]*incident.Effect
	effectsOf map[string][]*incident.Effect
	inbound   map[string]*row
	settings  []incident.Settings // by version - 1
	saved     []saved             // who saved them
	people    map[string]incident.Person
	tokens    map[string]incident.Token
}

var _ incident.Stores = (*Store)(nil)

// record is one incident. It is never changed: a change makes another.
type record struct {
	doc, brief           []byte
	columns              incident.Columns
	search               string
	fields               map[string]incident.FieldValue
	held                 []incident.Key
	number, version, seq int64
}

// heldKey is who holds a key.
type heldKey struct{ incident string }

// stored is an event.
type stored struct {
	incident.Event // its Data is shared with nobody
	body           []byte
	waiting        *waiting
}

// waiting is the part of an event or a row that says whether it is to be published.
type waiting struct {
	id     string
	at     time.Time // when it was stored
	since  time.Time // when it began to wait, zero once it is published
	leased time.Time // until
	again  bool      // it was asked for once more while it was leased
	chore  bool
	queued bool
	out    func() incident.Outgoing
}

// NewStore returns an empty store.
func NewStore(opt Options) *Store {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Store{
		clock: opt.Now, woken: make(chan struct{}),
		incidents: make(map[string]*record), keys: make(map[string]heldKey),
		events: make(map[string]*stored), lists: make(map[string][]*stored),
		effects: make(map[string]*incident.Effect), effectsOf: make(map[string][]*incident.Effect),
		inbound: make(map[string]*row), people: make(map[string]incident.Person), tokens: make(map[string]incident.Token),
	}
}

// Fail makes every later call return an error that wraps [incident.ErrUnavailable] and err, as a store
// does that cannot be reached; nil mends it.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Close does nothing: what is in memory stays until nobody knows the store.
func (s *Store) Close() error { return nil }

// lock takes the mutex unless the store is to fail or ctx is over.
func (s *Store) lock(ctx context.Context) error {
	s.mu.Lock()
	err := s.failure
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.mu.Unlock()
		return fmt.Errorf("%w: %w", incident.ErrUnavailable, err)
	}
	return nil
}

// now is the store's clock in the resolution that every store keeps.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// Now implements [incident.Watch].
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := s.lock(ctx); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	return s.now(), nil
}

// Get implements [incident.Store].
func (s *Store) Get(ctx context.Context, ref string) (incident.Incident, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Incident{}, err
	}
	defer s.mu.Unlock()
	r := s.incidents[ref]
	if n, ok := incident.ParseRef(ref); ok && n <= int64(len(s.numbers)) && r == nil {
		r = s.numbers[n-1]
	}
	if r == nil {
		return incident.Incident{}, fmt.Errorf("incident %.80q: %w", ref, incident.ErrNotFound)
	}
	return r.load(r.doc)
}

// ByKey implements [incident.Store].
func (s *Store) ByKey(ctx context.Context, key string) (incident.Incident, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Incident{}, err
	}
	defer s.mu.Unlock()
	held, ok := s.keys[key]
	if !ok {
		return incident.Incident{}, fmt.Errorf("an incident with the key %.80q: %w", key, incident.ErrNotFound)
	}
	r := s.incidents[held.incident]
	return r.load(r.doc)
}

func (r *record) load(doc []byte) (incident.Incident, error) {
	return incident.DecodeIncident(doc, r.number, r.version, r.seq)
}

// sees reports whether somebody who asks may know of the incident.
func (r *record) sees(reader *incident.Reader) bool {
	return r.columns.Visibility != incident.Private || reader.SeesAll() || slices.Contains(r.columns.People, reader.Person)
}
