package incident

import (
	"fmt"
	"slices"
	"time"
)

// timeOfDay is a time of day in minutes.
type timeOfDay int

// midnight ends a day.
const midnight = timeOfDay(24 * 60)

// window is working hours made ready: zone loaded, defaults filled in.
type window struct {
	zone     *time.Location
	from, to timeOfDay
	days     []time.Weekday
}

// Contains reports whether a moment is within working hours, the first minute included and the last
// not. What is missing or wrong in h counts as its default: Monday to Friday, 09:00 to 18:00, UTC.
func (h WorkingHours) Contains(at time.Time) bool { return h.window().contains(at) }

// window fills in defaults.
func (h WorkingHours) window() window {
	w := window{zone: zoneOf(h.Zone), days: h.Days}
	from, errFrom := parseTimeOfDay(h.From)
	to, errTo := parseTimeOfDay(h.To)
	if errFrom != nil || errTo != nil || from >= to {
		from, to = 9*60, 18*60
	}
	w.from, w.to = from, to
	if !slices.ContainsFunc(w.days, weekday) {
		w.days = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	}
	return w
}

// weekday reports that d is a day of the week.
func weekday(d time.Weekday) bool { return d >= time.Sunday && d <= time.Saturday }

func (w window) contains(at time.Time) bool {
	local := at.In(w.zone)
	now := timeOfDay(local.Hour()*60 + local.Minute())
	return w.works(local.Weekday()) && now >= w.from && now < w.to
}

func (w window) works(d time.Weekday) bool { return slices.Contains(w.days, d) }

// next returns the first moment at or after at that is within the hours. A day on which the clocks
// jump over all of them has none.
func (w window) next(at time.Time) time.Time {
	if w.contains(at) {
		return at
	}
	local := at.In(w.zone)
	for i := 0; i <= 14; i++ {
		opens := time.Date(local.Year(), local.Month(), local.Day()+i, 0, int(w.from), 0, 0, w.zone)
		for _, begins := range beginnings(opens) {
			if !begins.Before(at) && w.contains(begins) {
				return begins
			}
		}
	}
	return at
}

// beginnings returns the moments at which hours may begin on the day that opens at a moment: at it; at
// the same time of day an hour before, where the clocks go back and have it twice; and when the clocks
// jump, over the opening or back over the end. The first of them that is within the hours is it.
func beginnings(opens time.Time) []time.Time {
	from, until := opens.ZoneBounds()
	_, now := opens.Zone()
	_, before := from.Add(-1).In(opens.Location()).Zone()
	all := []time.Time{from, opens.Add(time.Duration(now-before) * time.Second), opens, until}
	all = slices.DeleteFunc(all, func(c time.Time) bool { return c.Sub(opens).Abs() >= day })
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// addDays returns the same time of day n working days later.
func (w window) addDays(at time.Time, n int) time.Time {
	local := at.In(w.zone)
	for days := 0; n > 0 && days < 366; days++ {
		local = local.AddDate(0, 0, 1)
		if w.works(local.Weekday()) {
			n--
		}
	}
	return local
}

// parseTimeOfDay reads "09:00"; "24:00" is the end of a day. Empty is an error.
func parseTimeOfDay(text string) (timeOfDay, error) {
	if text == "24:00" {
		return midnight, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%.40q is no time of day: write it as \"09:00\"", text)
	}
	return timeOfDay(t.Hour()*60 + t.Minute()), nil
}
