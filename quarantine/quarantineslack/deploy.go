package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/quarantine"
)

// A deployment that is bad shows in deaths: processes die with no message to blame, or
// one message after another kills. No single message is at fault then, so people
// are told of the build.

const (
	deployLook   = 2 * time.Second  // between two looks at deaths
	deployWindow = 5 * time.Minute  // in which deaths count together
	deployNobody = 4                // deaths that nobody can be blamed for
	deployKills  = 3                // different messages that killed, within a minute
	deployOver   = 10 * time.Minute // without such a death, and it is over
	deployMax    = 2                // builds that are told of at a time
	buildMax     = 60               // characters of a build
	deployPrefix = "deploy:"        // of the key of an alert
)

// deployState is a message about a build under which processes die.
type deployState struct {
	shown
	Build string `json:"build,omitempty"`
	// Nobody are the deaths without a message to blame, Killers the different messages
	// that killed, at most, of the subscriptions Subs.
	Nobody  int      `json:"n,omitempty"`
	Killers int      `json:"k,omitempty"`
	Subs    []string `json:"subs,omitempty"`
	// Since is when it was noticed, Last when such a death was last seen, in Unix ms.
	Since int64 `json:"s,omitempty"`
	Last  int64 `json:"l,omitempty"`
	// Over: its message says so. What is left are alerts that are to be resolved.
	Over  bool       `json:"over,omitempty"`
	Alert alertState `json:"alert,omitzero"`
}

func (s *deployState) check() error {
	if len(s.Build) > 4*buildMax || s.Nobody < 0 || s.Killers < 0 || len(s.Subs) > subsMax {
		return errors.New("it names no build")
	}
	if err := s.shown.check(); err != nil {
		return err
	}
	return s.Alert.check()
}

// buildDeaths are those of one build within deployWindow.
type buildDeaths struct {
	nobody int
	kills  []kill
	subs   []string
	last   time.Time
}

type kill struct {
	at      time.Time
	message string
}

// lookForDeploys reads the latest deaths, and notes the builds that are to blame.
func (n *Notifier) lookForDeploys(ctx context.Context, now time.Time) error {
	if now.Sub(n.deployAt) < deployLook {
		return nil
	}
	page, err := n.cfg.Service.CrashList(ctx, quarantine.CrashQuery{Since: now.Add(-deployWindow), Limit: 1000})
	if err != nil {
		return err
	}
	n.deployAt = now
	before := slices.Clone(n.room.Deploys)
	n.room.Deploys = slices.Clone(n.room.Deploys)
	for build, d := range byBuild(page.Reports) {
		if killers := d.killers(); d.nobody >= deployNobody || killers >= deployKills {
			n.noteDeploy(build, d, killers, now)
		}
	}
	changed := !slices.EqualFunc(before, n.room.Deploys, func(a, b deployState) bool {
		return a.Build == b.Build && a.Nobody == b.Nobody && a.Killers == b.Killers && a.Last == b.Last
	})
	if !changed {
		return nil
	}
	return n.put(ctx, n.roomTold())
}

// byBuild sorts deaths by the build of who died. Wards are there to die.
func byBuild(reports []quarantine.CrashReport) map[string]*buildDeaths {
	all := map[string]*buildDeaths{}
	for _, r := range reports {
		if r.Alone {
			continue
		}
		build := plain(r.Build, buildMax)
		d := all[build]
		if d == nil {
			d = &buildDeaths{}
			all[build] = d
		}
		switch {
		case quarantine.OfDeployment(r.Crash):
			d.nobody++
		case r.Tier == "A" && len(r.InFlight) > 0 && r.InFlight[0].Part == handlers.PartCulprit:
			d.kill(r)
		default:
			continue // who is to blame is not known yet
		}
		if r.ReportedAt.After(d.last) {
			d.last = r.ReportedAt
		}
	}
	return all
}

// kill notes a message that killed.
func (d *buildDeaths) kill(r quarantine.CrashReport) {
	culprit := r.InFlight[0]
	d.kills = append(d.kills, kill{r.ReportedAt, culprit.Subscription + "\x00" + culprit.ID})
	if sub := plain(culprit.Subscription, 40); !slices.Contains(d.subs, sub) && len(d.subs) < subsMax {
		d.subs = append(d.subs, sub)
	}
}

// killers is how many different messages killed within one minute, at most.
func (d *buildDeaths) killers() (most int) {
	slices.SortFunc(d.kills, func(a, b kill) int { return a.at.Compare(b.at) })
	different, from := map[string]int{}, 0
	for _, k := range d.kills {
		different[k.message]++
		for ; k.at.Sub(d.kills[from].at) >= time.Minute; from++ {
			old := d.kills[from].message
			if different[old]--; different[old] == 0 {
				delete(different, old)
			}
		}
		most = max(most, len(different))
	}
	return most
}

func (n *Notifier) noteDeploy(build string, d *buildDeaths, killers int, now time.Time) {
	i := slices.IndexFunc(n.room.Deploys, func(s deployState) bool { return s.Build == build && !s.Over })
	if i < 0 {
		if since(d.last.UnixMilli(), now) > deployWindow || len(n.room.Deploys) >= deployMax || n.wasOver(build, d) {
			return
		}
		n.room.Deploys = append(n.room.Deploys, deployState{Build: build, Since: now.UnixMilli()})
		i = len(n.room.Deploys) - 1
	}
	s := &n.room.Deploys[i]
	s.Nobody, s.Killers = max(s.Nobody, d.nobody), max(s.Killers, killers)
	s.Last, s.Subs = max(s.Last, d.last.UnixMilli()), d.subs
}

// wasOver reports whether these deaths were told of already, by a message that is over
// and only kept for its alerts.
func (n *Notifier) wasOver(build string, d *buildDeaths) bool {
	return slices.ContainsFunc(n.room.Deploys, func(s deployState) bool { return s.Build == build && s.Last >= d.last.UnixMilli() })
}

// tellDeploys tells of those builds, and when it is over.
func (n *Notifier) tellDeploys(ctx context.Context, _ []*job, now time.Time) (bool, error) {
	for i := range n.room.Deploys {
		s := n.room.Deploys[i]
		switch {
		case s.Over && s.Alert.open(), !s.Over && s.posted() && since(s.Edited, now) < n.cfg.EditEvery:
			continue
		case s.Over:
			return true, n.replaceDeploy(ctx, i, nil)
		}
		s.Over = since(s.Last, now) >= deployOver
		m := n.render.deploy(&s, now)
		if s.posted() && hashOf(m) == s.Hash {
			continue
		}
		if err := n.show(ctx, &s.shown, m, now); err != nil {
			return true, err
		}
		return true, n.replaceDeploy(ctx, i, &s)
	}
	return false, nil
}

func (n *Notifier) replaceDeploy(ctx context.Context, i int, s *deployState) error {
	n.room.Deploys = replaced(n.room.Deploys, i, s)
	return n.put(ctx, n.roomTold())
}

// alertDeploys begins to tell the fallbacks of such a build.
func (n *Notifier) alertDeploys(ctx context.Context, now time.Time) error {
	for i := range n.room.Deploys {
		s := n.room.Deploys[i]
		f := notify.Facts{Key: deployPrefix + s.Build, Open: !s.Over && since(s.Last, now) < deployOver, BadDeploy: true}
		if !s.posted() {
			f.Waiting = since(s.Since, now)
		}
		f.Critical = slices.ContainsFunc(s.Subs, n.cfg.Critical)
		draft := func(a notify.Alert) notify.Alert {
			a.Title = s.headline()
			a.Component, a.Class, a.At = s.Build, "deployment", time.UnixMilli(s.Since)
			a.Details = map[string]string{"build": s.Build, "next": "theriac crashes"}
			return a
		}
		remember := func(name string, told notify.Memory) error {
			s.Alert = s.Alert.with(name, told)
			return n.replaceDeploy(ctx, i, &s)
		}
		if _, err := n.offer(ctx, f, s.Alert, now, words{draft, remember}); err != nil {
			return err
		}
	}
	return nil
}

// headline is what it says first, and on a lock screen.
func (s *deployState) headline() string {
	build := s.Build
	if build == "" {
		build = "an unnamed build"
	}
	switch {
	case s.Over:
		return "OVER  " + build + ": no process has died of it for " + minutes(deployOver)
	case s.Killers >= deployKills:
		return fmt.Sprintf("BAD DEPLOY  %s: %s killed workers of %s within a minute", build,
			plural(int64(s.Killers), "different message"), strings.Join(s.Subs, ", "))
	default:
		return fmt.Sprintf("NOT STARTING  %s: %s died within %s, and no message is to blame", build,
			plural(int64(s.Nobody), "process"), minutes(deployWindow))
	}
}

func minutes(d time.Duration) string { return fmt.Sprintf("%d min", int(d.Minutes())) }
