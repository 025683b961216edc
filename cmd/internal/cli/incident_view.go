package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
)

// hour and hourFormat bound how often a look is written down.
const (
	hour       = time.Hour
	hourFormat = "2006-01-02T15Z"
)

// incidentJSON is an incident in theriac/1: the document without the keys that made things happen once,
// and with what can be done to it now.
type incidentJSON struct {
	incident.Incident
	Ref     string         `json:"ref"`
	Stage   incident.Stage `json:"stage"`
	Allowed []string       `json:"allowed"`
	// Missing is what should be said of it by now, where that was asked for; see [incident.Incident.Missing].
	Missing []string `json:"missing,omitempty"`
}

func newIncidentJSON(inc incident.Incident) incidentJSON {
	j := incidentJSON{Incident: inc, Ref: inc.Ref(), Stage: inc.Status.Stage(), Allowed: none(incident.AllowedVerbs(inc.Status))}
	j.Keys, j.Later = nil, nil
	return j
}

// lineJSON is an event in theriac/1, with the line that people read.
type lineJSON struct {
	incident.Event
	Line string `json:"line"`
}

func newLinesJSON(evs []incident.Event) []lineJSON {
	lines := []lineJSON{}
	for _, e := range evs {
		lines = append(lines, lineJSON{e, incident.Line(e)})
	}
	return lines
}

// incidentName is the name of an incident with what it is beside that.
func incidentName(inc incident.Incident) string {
	name := inc.Name
	if inc.Visibility == incident.Private {
		name = "(private) " + name
	}
	switch {
	case inc.GameDay:
		name = "(game day) " + name
	case inc.Mode == incident.ModeTest:
		name = "(test) " + name
	case inc.Mode == incident.ModeRetrospective:
		name = "(retrospective) " + name
	}
	return name
}

// standingLine is the line that says how an incident stands.
func standingLine(inc incident.Incident) string {
	return fmt.Sprintf("%s   %s   %s   version %d", inc.Status, cmp.Or(inc.Severity, "no severity"), incidentName(inc), inc.Version)
}

// incidentWriteJSON is what a verb did, or would do, in theriac/1.
type incidentWriteJSON struct {
	output.Head
	DryRun   bool         `json:"dry_run"`
	Changed  bool         `json:"changed"`
	Created  *bool        `json:"created,omitempty"`
	Incident incidentJSON `json:"incident"`
	Events   []lineJSON   `json:"events"`
	Undo     string       `json:"undo,omitempty"`
}

// incidentWrite is what a verb did, or would do.
type incidentWrite struct {
	inc     incident.Incident
	events  []incident.Event
	changed bool
	dryRun  bool
	created *bool
	same    string // what is said where nothing happened
	undo    string
}

func (v incidentWrite) answer() output.Answer {
	j := incidentWriteJSON{
		Head: output.NewHead(), DryRun: v.dryRun, Changed: v.changed, Created: v.created,
		Incident: newIncidentJSON(v.inc), Events: newLinesJSON(v.events),
	}
	if !v.dryRun && v.changed {
		j.Undo = v.undo
	}
	return output.Answer{Value: j, Names: []string{v.inc.Ref()}, Layout: output.Screen(func(w *term.Writer) {
		v.screen(w, j.Undo)
	})}
}

func (v incidentWrite) screen(w *term.Writer, undo string) {
	if v.dryRun {
		w.Printf("Would be   ")
	}
	ref := v.inc.Ref()
	if v.inc.Number == 0 {
		ref = "INC-?"
	}
	w.Paint(term.Bold, ref)
	w.Printf("   %s\n", standingLine(v.inc))
	for _, e := range v.events {
		if trait, known := incident.TraitOf(e.Type); trait.Timeline || !known {
			w.Printf("  %s\n", incident.Line(e))
		}
	}
	if !v.changed {
		w.Printf("  %s\n", cmp.Or(v.same, "nothing changed: it was so already"))
	}
	if v.dryRun {
		w.Printf("Nothing is done.\n")
		return
	}
	w.Printf("Allowed now   %s\n", allowed(v.inc.Status))
	if undo != "" {
		w.Printf("Undo   %s\n", undo)
	}
}

func allowed(s incident.Status) string {
	return cmp.Or(strings.Join(incident.AllowedVerbs(s), ", "), "nothing: it is final")
}

// clock is a time for people: to the minute, in UTC, without a date on the same day.
func clock(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly):
		return t.UTC().Format("15:04Z")
	default:
		return t.UTC().Format("2006-01-02 15:04Z")
	}
}

// timelineLine is one line of a timeline.
type timelineLine struct {
	incident.Event
	text    string
	edited  bool
	removed bool
}

// timelineOf is what people read of events, oldest first: lines that were edited as they stand now, and
// none that were removed. With all set it is every event as it was, marked where it was edited since.
func timelineOf(evs []incident.Event, all bool) []timelineLine {
	var lines []timelineLine
	if !all {
		evs = incident.AsEdited(evs)
	}
	for _, e := range evs {
		trait, known := incident.TraitOf(e.Type)
		if e.Type.IsEdit() {
			mark(lines, e)
		}
		if all || !known || trait.Timeline && !e.Type.IsEdit() {
			lines = append(lines, timelineLine{Event: e, text: incident.Line(e)})
		}
	}
	return lines
}

// mark notes at the line that an edit is of that there was one. What cannot be read changes nothing.
func mark(lines []timelineLine, e incident.Event) {
	data, err := incident.DataOf[incident.DataItem](e)
	i := slices.IndexFunc(lines, func(l timelineLine) bool { return l.Seq == data.Of })
	if err != nil || i < 0 {
		return
	}
	lines[i].edited = true
	lines[i].removed = e.Type == incident.EvItemRemoved
}

// mark is what stands behind the text of a line.
func (l timelineLine) mark() string {
	switch {
	case l.removed:
		return "   (removed)"
	case l.edited:
		return "   (edited)"
	default:
		return ""
	}
}
