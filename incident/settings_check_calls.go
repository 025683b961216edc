package incident

import (
	"fmt"
	"slices"
	"time"
)

// What paths are bounded by. A wait below a minute would call the next level before anybody could have
// looked at the telephone.
const (
	minWait    = time.Minute
	maxWait    = 24 * time.Hour
	maxLevels  = 20
	maxTargets = 20
	maxRounds  = 10
)

func (c *settingsCheck) paths() {
	each(c, "paths", c.s.Paths, func(p Path) string { return p.ID }, func(at string, p Path) {
		c.wrong(at+".name", badLabel(p.Name))
		if p.Repeat < 0 || p.Repeat > maxRounds {
			c.wrong(at+".repeat", fmt.Sprintf("must be between 1 and %d, or 0 for the default of %d", maxRounds, defaultRounds))
		}
		if len(p.Levels) == 0 || len(p.Levels) > maxLevels {
			c.wrong(at+".levels", fmt.Sprintf("must have 1 to %d levels", maxLevels))
			return
		}
		for i, l := range p.Levels {
			c.level(fmt.Sprintf("%s.levels[%d]", at, i), l)
		}
	})
}

func (c *settingsCheck) level(at string, l Level) {
	if wait := l.Wait.Std(); wait != 0 && (wait < minWait || wait > maxWait) {
		c.wrong(at+".wait", "must be between 1 minute and 24 hours, or 0 for the default of 5 minutes")
	}
	if len(l.Targets) == 0 || len(l.Targets) > maxTargets {
		c.wrong(at+".targets", fmt.Sprintf("must have 1 to %d targets", maxTargets))
		return
	}
	for i, t := range l.Targets {
		place := fmt.Sprintf("%s.targets[%d]", at, i)
		c.target(place, t)
		if slices.Contains(l.Targets[:i], t) {
			c.wrong(place, "is there twice")
		}
	}
}

func (c *settingsCheck) target(at string, t Target) {
	switch t.Kind {
	case ToPerson, ToChannel:
		c.wrong(at+".id", badID(t.ID))
	case ToRotation:
		if !c.hasRotation(t.ID) {
			c.wrong(at+".id", unknown("rotation", t.ID))
		}
	default:
		c.wrong(at+".kind", fmt.Sprintf("%.40q is none of person, rotation, channel", t.Kind))
	}
}

func (c *settingsCheck) rotations() {
	each(c, "rotations", c.s.Rotations, func(r Rotation) string { return r.ID }, func(at string, r Rotation) {
		c.wrong(at+".name", badLabel(r.Name))
		if len(r.People) == 0 || len(r.People) > maxListed {
			c.wrong(at+".people", fmt.Sprintf("must have 1 to %d people", maxListed))
		} else {
			for i, p := range r.People {
				c.wrong(fmt.Sprintf("%s.people[%d]", at, i), badID(p))
			}
		}
		if r.Start.Year() < 2000 || r.Start.Year() > 2200 {
			c.wrong(at+".start", "must be a time between the years 2000 and 2200")
		}
		c.wrong(at+".zone", badZone(r.Zone))
	})
}

func (c *settingsCheck) hours() {
	h := c.s.Hours
	c.wrong("hours.zone", badZone(h.Zone))
	from, to := h.From, h.To
	if from == "" {
		from = "09:00"
	}
	if to == "" {
		to = "18:00"
	}
	begins, err := parseTimeOfDay(from)
	if err != nil {
		c.wrong("hours.from", err.Error())
	}
	ends, err2 := parseTimeOfDay(to)
	if err2 != nil {
		c.wrong("hours.to", err2.Error())
	}
	if err == nil && err2 == nil && begins >= ends {
		c.wrong("hours.to", fmt.Sprintf("%s is not after %s", to, from))
	}
	for i, d := range h.Days {
		at := fmt.Sprintf("hours.days[%d]", i)
		if !weekday(d) {
			c.wrong(at, fmt.Sprintf("%d is no day of the week: 0 is Sunday, 6 is Saturday", int(d)))
		} else if slices.Contains(h.Days[:i], d) {
			c.wrong(at, "is there twice")
		}
		if i > 7 {
			break
		}
	}
}
