package quarantineslack

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
)

// What the notifier remembers stands as JSON in the notices of the store, so that any
// process can go on where another was killed. It is read like anything from outside:
// what does not fit is forgotten, and then the worst is a message told twice.

// phase is what a message says first.
type phase string

const (
	phaseNaming    phase = "naming"
	phaseContained phase = "contained"
	phaseTaken     phase = "taken"
	phaseSnoozed   phase = "snoozed"
	phaseReplaying phase = "replaying"
	phasePoison    phase = "still poison"
	phaseResolved  phase = "resolved"
	phaseCleared   phase = "cleared"
	phaseNamed     phase = "named"
)

const (
	stateVersion = 1
	stateMax     = 8 << 10 // bytes, as the store takes
	digestMax    = 300     // groups that a digest's notice names
	namingMax    = 4       // open messages about deaths without a culprit
	crashesMax   = 20      // deaths that one of them covers
	namedMax     = 100     // deaths that a group's message tells of
	aheadMax     = 5 * time.Second
)

// place is where a message stands.
type place struct {
	Channel string `json:"c,omitempty"`
	TS      string `json:"ts,omitempty"`
}

func (p place) posted() bool { return p.TS != "" }

func (p place) kit() slackkit.Place { return slackkit.Place{Channel: p.Channel, TS: p.TS} }

func placeOf(p slackkit.Place) place { return place{Channel: p.Channel, TS: p.TS} }

// shown is a message and what it shows.
type shown struct {
	place
	// Hash is of what is shown; Edited when that was, in Unix ms.
	Hash   string `json:"h,omitempty"`
	Edited int64  `json:"e,omitempty"`
}

// groupState is the memory of a group's notice.
type groupState struct {
	V int `json:"v"`
	shown
	// Digest is the key of the digest that tells of the group, if it has no message of
	// its own.
	Digest string `json:"digest,omitempty"`
	Phase  phase  `json:"phase,omitempty"`
	// Poison is the entry whose replay failed last, Died whether it died of it.
	Poison string `json:"poison,omitempty"`
	Died   bool   `json:"died,omitempty"`
	// Loud is what the channel is still to hear; Heard what it heard last, at HeardAt in
	// Unix ms.
	Loud    string `json:"loud,omitempty"`
	Heard   string `json:"heard,omitempty"`
	HeardAt int64  `json:"heard_at,omitempty"`
	// Replied is when the thread was written to, in Unix ms, Running whether replays ran
	// then.
	Replied int64 `json:"r,omitempty"`
	Running bool  `json:"run,omitempty"`
	// Alert is what was told elsewhere.
	Alert alertState `json:"alert,omitzero"`
}

// digestState is the memory of a digest.
type digestState struct {
	V int `json:"v"`
	shown
	// Groups are the references of its groups, More how many it does not name.
	Groups  []string `json:"groups,omitempty"`
	More    int      `json:"more,omitempty"`
	Replied int64    `json:"r,omitempty"`
}

// namingState is a message about deaths that named nobody.
type namingState struct {
	shown
	Subs    []string `json:"subs,omitempty"`
	Crashes []string `json:"crashes,omitempty"`
	// Since is when the first of them was known, Quiet since when nobody waits any more,
	// in Unix ms.
	Since int64 `json:"s,omitempty"`
	Quiet int64 `json:"q,omitempty"`
	// Over: its message says how it ended, or became another's. What is left are alerts
	// that are to be resolved.
	Over  bool       `json:"over,omitempty"`
	Alert alertState `json:"alert,omitzero"`
}

// roomState is the memory of a channel.
type roomState struct {
	V int `json:"v"`
	// Recent are when messages about new groups were posted, in Unix ms.
	Recent []int64 `json:"recent,omitempty"`
	// Digest is the key of the digest that new groups join, Joined when the last did, in
	// Unix ms.
	Digest string        `json:"digest,omitempty"`
	Joined int64         `json:"joined,omitempty"`
	Naming []namingState `json:"naming,omitempty"`
	// Deploys are builds under which processes die.
	Deploys []deployState `json:"deploys,omitempty"`
	// Named are deaths that the message of a group tells of, the latest last: of their
	// other suspects nobody need hear.
	Named []string `json:"named,omitempty"`
}

var (
	placeForm = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)
	tsForm    = regexp.MustCompile(`^\d{1,20}\.\d{1,20}$`)
	refForm   = regexp.MustCompile(`^[A-Z]-[0-9A-Z]{1,26}$`)
	asOf      = regexp.MustCompile(`as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`)
	hashForm  = regexp.MustCompile(`^[0-9a-f]{0,32}$`)
)

// decodeState reads a memory that was put before. An error says why it is not used.
func decodeState(b []byte, v interface{ check() error }) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) > stateMax {
		return fmt.Errorf("it has %d bytes", len(b))
	}
	if err := json.Unmarshal(b, v); err != nil {
		return errors.New("it is no JSON of ours")
	}
	return v.check()
}

func (s *shown) check() error {
	if s.TS == "" && s.Channel == "" && s.Hash == "" {
		s.Edited = 0
		return nil
	}
	if !placeForm.MatchString(s.Channel) || !tsForm.MatchString(s.TS) || !hashForm.MatchString(s.Hash) {
		return errors.New("the place of its message cannot be one")
	}
	return nil
}

func checkVersion(v int) error {
	if v != stateVersion {
		return fmt.Errorf("it has version %d, this program knows %d", v, stateVersion)
	}
	return nil
}

func (s *groupState) check() error {
	known := []phase{"", phaseContained, phaseTaken, phaseSnoozed, phaseReplaying, phasePoison, phaseResolved}
	switch {
	case !slices.Contains(known, s.Phase):
		return errors.New("it names no phase")
	case s.Poison != "" && !refForm.MatchString(s.Poison):
		return errors.New("it names no entry")
	case s.Digest != "" && !strings.HasPrefix(s.Digest, digestPrefix):
		return errors.New("it names no digest")
	case !slices.Contains([]string{"", loudReopened, loudPoison, loudAwake}, s.Loud):
		return errors.New("it is loud about nothing")
	}
	return errors.Join(checkVersion(s.V), s.shown.check(), s.Alert.check())
}

func (s *digestState) check() error {
	if len(s.Groups) > digestMax || s.More < 0 || !refs(s.Groups) {
		return errors.New("it names no groups")
	}
	return errors.Join(checkVersion(s.V), s.shown.check())
}

func (s *roomState) check() error {
	if len(s.Naming) > namingMax || len(s.Deploys) > deployMax || len(s.Recent) > 100 || len(s.Named) > namedMax || !refs(s.Named) {
		return errors.New("it is too long")
	}
	if s.Digest != "" && !strings.HasPrefix(s.Digest, digestPrefix) {
		return errors.New("it names no digest")
	}
	for i := range s.Naming {
		n := &s.Naming[i]
		if len(n.Crashes) == 0 || len(n.Crashes) > crashesMax || !refs(n.Crashes) {
			return errors.New("it names no crashes")
		}
		if err := errors.Join(n.shown.check(), n.Alert.check()); err != nil {
			return err
		}
	}
	for i := range s.Deploys {
		if err := s.Deploys[i].check(); err != nil {
			return err
		}
	}
	return checkVersion(s.V)
}

func refs(all []string) bool {
	return !slices.ContainsFunc(all, func(r string) bool { return !refForm.MatchString(r) })
}

// encodeState is the inverse of decodeState.
func encodeState(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && len(b) > stateMax {
		err = fmt.Errorf("the memory of a notice has %d bytes", len(b))
	}
	return b, err
}

// since is how long ago a moment in Unix ms was, by whatever clock noted it. One that is
// well ahead of ours was long ago: nothing may wait for a clock that was wrong.
func since(ms int64, now time.Time) time.Duration {
	d := now.Sub(time.UnixMilli(ms))
	if d < -aheadMax {
		return now.Sub(time.Time{})
	}
	return max(0, d)
}
