package quarantineslack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/quarantine"
)

// While a breaker is open nothing is held, so no group says that messages fail. Each
// opening of a subscription's breaker has one message, which says when it closed.

const (
	breakerLook   = 2 * time.Second  // between two looks at breakers
	breakerCalm   = 2 * time.Minute  // closed for so long, and the next opening is another one
	breakerLost   = 10 * time.Minute // without a living worker, and nobody waits for it to close
	breakersMax   = 6                // subscriptions that are told of at a time
	breakerBuilds = 2                // builds that are named
	breakerPrefix = "breaker:"       // of the key of an alert
	subPrefix     = "S-"             // of a subscription in a button
)

// breakerState is a message about a subscription's breaker.
type breakerState struct {
	shown
	// ID stands for the subscription, whose name may be long; Sub is as much of the name as
	// is shown. Critical: it is critical.
	ID       string `json:"id"`
	Sub      string `json:"sub,omitempty"`
	Critical bool   `json:"crit,omitempty"`
	// Kills: it opened because messages killed. It is open in Open of Workers workers, of
	// these Builds at least.
	Kills   bool     `json:"k,omitempty"`
	Open    int      `json:"n,omitempty"`
	Workers int      `json:"w,omitempty"`
	Builds  []string `json:"b,omitempty"`
	// Since is when it opened, by the worker; Noticed when that was seen, and Closed when
	// it was seen closed, 0 while it is not; Lost since when no worker lives, 0 while one
	// does. All in Unix ms.
	Since   int64 `json:"s,omitempty"`
	Noticed int64 `json:"at,omitempty"`
	Closed  int64 `json:"cl,omitempty"`
	Lost    int64 `json:"l,omitempty"`
	// Times counts the openings that the message tells of: it comes and goes. More is how
	// many other subscriptions have an open breaker and no message.
	Times int        `json:"t,omitempty"`
	More  int        `json:"m,omitempty"`
	Alert alertState `json:"alert,omitzero"`
}

// breakerStates is the memory of breakers.
type breakerStates struct {
	V   int            `json:"v"`
	All []breakerState `json:"all,omitempty"`
}

var subForm = regexp.MustCompile(`^S-[0-9A-HJKMNP-TV-Z]{13}$`)

// subRef stands for a subscription where there is no room for its name.
func subRef(name string) string {
	sum := sha256.Sum256([]byte(name))
	return subPrefix + base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).EncodeToString(sum[:8])
}

func (s *breakerStates) check() error {
	if len(s.All) > breakersMax {
		return errors.New("it is too long")
	}
	for i := range s.All {
		b := &s.All[i]
		if !subForm.MatchString(b.ID) || b.Open < 0 || b.Workers < 0 || b.Times < 0 || b.More < 0 || len(b.Builds) > breakerBuilds {
			return errors.New("it is about no breaker")
		}
		if err := errors.Join(b.shown.check(), b.Alert.check()); err != nil {
			return err
		}
	}
	return checkVersion(s.V)
}

// lookForBreakers notes which breakers are open, which have closed, and which are still
// to be told of. Nothing is told yet.
func (n *Notifier) lookForBreakers(ctx context.Context, now time.Time) error {
	if now.Sub(n.breakersAt) < breakerLook {
		return nil
	}
	served, err := n.cfg.Service.Breakers(ctx)
	if err != nil {
		return err
	}
	n.breakersAt = now
	all := slices.Clone(n.breakers.All)
	for i := range all {
		at := slices.IndexFunc(served, func(s quarantine.SubscriptionStatus) bool { return subRef(s.Name) == all[i].ID })
		if at < 0 {
			all[i] = all[i].lost(now)
			continue
		}
		all[i] = all[i].after(served[at], now)
	}
	all = n.noteBreakers(all, served, now)
	if reflect.DeepEqual(all, n.breakers.All) {
		return nil
	}
	return n.putBreakers(ctx, all)
}

// noteBreakers adds those that are open and not told of: the critical ones first, as far as there is
// room, which those give up that are over.
func (n *Notifier) noteBreakers(all []breakerState, served []quarantine.SubscriptionStatus, now time.Time) []breakerState {
	var fresh []breakerState
	for _, s := range served {
		id := subRef(s.Name)
		if s.Breaker.Open() && !slices.ContainsFunc(all, func(b breakerState) bool { return b.ID == id }) {
			b := breakerState{ID: id, Sub: plain(s.Name, 40), Critical: n.cfg.Critical(s.Name), Closed: now.UnixMilli()}
			fresh = append(fresh, b.after(s, now))
		}
	}
	slices.SortStableFunc(fresh, func(a, b breakerState) int { return cmp.Compare(urgent(b.Critical), urgent(a.Critical)) })
	more := 0
	for _, b := range fresh {
		over := slices.IndexFunc(all, func(b breakerState) bool { return b.calm(now) })
		switch {
		case len(all) < breakersMax:
			all = append(all, b)
		case over >= 0:
			all[over] = b
		default:
			more++
		}
	}
	for i := range all {
		all[i].More = 0
	}
	if len(all) > 0 { // one message says so
		all[len(all)-1].More = more
	}
	return all
}

func urgent(critical bool) int {
	if critical {
		return 1
	}
	return 0
}

// after is s when its subscription stands so.
func (s breakerState) after(now quarantine.SubscriptionStatus, at time.Time) breakerState {
	s.Lost = 0
	if !now.Breaker.Open() {
		if s.Closed == 0 {
			s.Closed = at.UnixMilli()
		}
		return s
	}
	if s.Closed != 0 {
		if s.calm(at) { // another one
			s.shown, s.Times = shown{}, 0
		}
		s.Closed, s.Noticed = 0, at.UnixMilli()
		s.Times++
		s.Since = now.Breaker.OpenSince.UnixMilli()
	}
	s.Since = min(s.Since, now.Breaker.OpenSince.UnixMilli())
	s.Kills, s.Open, s.Workers, s.Builds = now.Breaker.Kills, now.Breakers, now.Workers, nil
	for _, b := range now.BreakerBuilds[:min(len(now.BreakerBuilds), breakerBuilds)] {
		if b = plain(b, 40); b != "" {
			s.Builds = append(s.Builds, b)
		}
	}
	return s
}

// lost is s when no living worker serves its subscription: nobody knows, for a while.
func (s breakerState) lost(at time.Time) breakerState {
	switch {
	case s.Closed != 0:
	case s.Lost == 0:
		s.Lost = at.UnixMilli()
	case since(s.Lost, at) >= breakerLost:
		s.Closed = at.UnixMilli()
	}
	return s
}

// calm reports whether it is over for good.
func (s breakerState) calm(now time.Time) bool {
	return s.Closed != 0 && since(s.Closed, now) >= breakerCalm
}

// tellBreakers tells of those breakers, and when they close.
func (n *Notifier) tellBreakers(ctx context.Context, _ []*job, now time.Time) (bool, error) {
	for i := range n.breakers.All {
		s := n.breakers.All[i]
		m := n.render.breaker(&s, now)
		told := s.posted() && hashOf(m) == s.Hash
		switch {
		case told && s.calm(now) && !s.Alert.open():
			return true, n.replaceBreaker(ctx, i, nil)
		case told, s.posted() && since(s.Edited, now) < n.cfg.EditEvery:
			continue
		}
		if err := n.show(ctx, &s.shown, m, now); err != nil {
			return true, err
		}
		return true, n.replaceBreaker(ctx, i, &s)
	}
	return false, nil
}

// replaceBreaker puts one message about a breaker in place of another, or of nothing.
func (n *Notifier) replaceBreaker(ctx context.Context, i int, s *breakerState) error {
	return n.putBreakers(ctx, replaced(n.breakers.All, i, s))
}

// alertBreakers begins to tell the fallbacks of open breakers. A breaker that opened
// because messages kill comes with deaths, of which alertDeploys tells.
func (n *Notifier) alertBreakers(ctx context.Context, now time.Time) error {
	for i := range n.breakers.All {
		s := n.breakers.All[i]
		f := notify.Facts{Key: breakerPrefix + s.ID, Open: s.Closed == 0, Critical: s.Critical}
		if !s.posted() {
			f.Waiting = since(s.Noticed, now)
		}
		draft := func(a notify.Alert) notify.Alert {
			a.Title, a.Component, a.Class, a.At = s.headline(), s.Sub, "breaker", time.UnixMilli(s.Since)
			a.Details = map[string]string{"reason": s.reason(), "builds": s.builds(), "next": s.next()}
			return a
		}
		remember := func(name string, told notify.Memory) error {
			s.Alert = s.Alert.with(name, told)
			return n.replaceBreaker(ctx, i, &s)
		}
		if _, err := n.offer(ctx, f, s.Alert, now, words{draft, remember}); err != nil {
			return err
		}
	}
	return nil
}

// reason says why it opened.
func (s *breakerState) reason() string {
	return handlers.Breaker{OpenSince: time.UnixMilli(s.Since), Kills: s.Kills}.Reason()
}
