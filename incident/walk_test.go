package incident_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/incident"
)

// walk is a random history of a few incidents.
type walk struct {
	*stage
	rt   *rapid.T
	incs []*incident.Incident
	evs  map[string][]incident.Event
	made int
	// reached counts how often a status was entered, over all walks.
	reached map[incident.Status]int
}

// TestWalk_KeepsWhatMustHold lets random people do random things to a few incidents and asks after
// each what must hold always, and whether the events alone tell the same story as the documents.
func TestWalk_KeepsWhatMustHold(t *testing.T) {
	t.Parallel()
	reached := map[incident.Status]int{}
	for round := 0; len(reached) < len(incident.Statuses()) && !t.Failed(); round++ {
		if round == 20 {
			t.Fatalf("the walks came to %v only: they see too little", reached)
		}
		rapid.Check(t, func(rt *rapid.T) { walkOnce(t, rt, reached) })
	}
}

func walkOnce(t *testing.T, rt *rapid.T, reached map[incident.Status]int) {
	w := &walk{stage: newStage(t), rt: rt, evs: map[string][]incident.Event{}, reached: reached}
	w.rules.Severities[1].Page, w.rules.Severities[1].Path = incident.PageAlways, "ops"
	w.rules.Severities[2].Page, w.rules.Severities[2].Path = incident.PageHours, "ops"
	w.rules.Hours = incident.WorkingHours{Zone: "UTC", From: "09:00", To: "18:00"}
	w.rules.Paths = []incident.Path{{ID: "ops", Levels: []incident.Level{
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}, Wait: incident.Duration(2 * time.Minute)},
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "cy"}}},
	}}}
	rt.Repeat(map[string]func(*rapid.T){
		"make":   w.make,
		"verb":   w.verb,
		"verb 2": w.verb,
		"verb 3": w.verb,
		"merge":  w.merge,
		"tidy":   w.tidy,
		"":       func(*rapid.T) { w.keyHolders() },
	})
}

func (w *walk) pick(label string, options ...string) string {
	return rapid.SampledFrom(options).Draw(w.rt, label)
}

func (w *walk) actor() incident.Actor {
	return rapid.SampledFrom([]incident.Actor{ana, ben, boss, alerter, {Kind: incident.ByWorkflow}}).Draw(w.rt, "by")
}

func (w *walk) one() *incident.Incident {
	if len(w.incs) == 0 {
		w.rt.Skip("there is none yet")
	}
	return rapid.SampledFrom(w.incs).Draw(w.rt, "incident")
}

func (w *walk) make(rt *rapid.T) {
	w.rt = rt
	if len(w.incs) > 3 {
		rt.Skip("enough")
	}
	w.made++
	p := incident.NewParams{
		Name: "an incident", Severity: w.pick("severity", "", "minor", "major"),
		Keys: []incident.Key{incident.NewKey(fmt.Sprintf("idem:%d", w.made), false), incident.NewKey(fmt.Sprintf("alert:%d", w.made), true)},
	}
	if rapid.Bool().Draw(rt, "entry") {
		p.Entry = &incident.Entry{Ref: fmt.Sprintf("Q-%d", w.made), Where: "price.go:12"}
	}
	var inc incident.Incident
	var evs []incident.Event
	var err error
	switch w.pick("how", "report", "declare", "import") {
	case "report":
		inc, evs, err = incident.Report(w.act(w.actor()), p)
	case "declare":
		inc, evs, err = incident.Declare(w.act(w.actor()), p)
	default:
		p.Entry = nil
		times := incident.Times{Reported: start, Resolved: start}
		inc, evs, err = incident.Import(w.act(w.actor()), incident.ImportParams{NewParams: p, Times: times})
	}
	if err != nil {
		rt.Fatalf("make: %v", err)
	}
	inc.Number = int64(w.made)
	w.incs = append(w.incs, &inc)
	w.happened(nil, &inc, evs)
}

// verb does something to one incident, as the Service would: on a copy, with Advance after it.
func (w *walk) verb(rt *rapid.T) {
	w.rt = rt
	inc := w.one()
	before, after := clone(rt, inc), clone(rt, inc)
	act := w.act(w.actor())
	name, verb := w.any(act)
	evs, err := verb(after)
	if err != nil {
		w.wantKnown(name, err)
		return
	}
	more, err := after.Advance(w.act(act.By))
	if err != nil {
		rt.Fatalf("advance after %s: %v", name, err)
	}
	*inc = *after
	w.happened(before, inc, append(evs, more...))
}

func (w *walk) merge(rt *rapid.T) {
	w.rt = rt
	source, target := w.one(), w.one()
	s, into := clone(rt, source), clone(rt, target)
	if source == target {
		into = s
	}
	from, to, err := s.MergeInto(w.act(w.actor()), into, "the same")
	if err != nil {
		w.wantKnown("merge", err)
		return
	}
	beforeSource, beforeTarget := clone(rt, source), clone(rt, target)
	*source, *target = *s, *into
	w.happened(beforeSource, source, from)
	w.happened(beforeTarget, target, to)
}

// tidy does what chance does rarely: it decides all entries and writes the post-mortem, so that
// walks get beyond Documenting. Each step is a verb of its own.
func (w *walk) tidy(rt *rapid.T) {
	w.rt = rt
	inc := w.one()
	if inc.Status != incident.Documenting {
		rt.Skip("nothing to tidy")
	}
	var steps []func(*incident.Incident) ([]incident.Event, error)
	for _, e := range inc.Undecided() {
		d := incident.EntryDecision{Ref: e.Ref, Version: e.Version + 1, Decision: incident.EntryReplayed}
		steps = append(steps, func(i *incident.Incident) ([]incident.Event, error) { return i.DecideEntry(w.act(ana), d) })
	}
	steps = append(steps,
		func(i *incident.Incident) ([]incident.Event, error) { return i.CompleteTask(w.act(ana), "write") },
		func(i *incident.Incident) ([]incident.Event, error) { return i.Advance(w.act(ana)) })
	for _, step := range steps {
		before := clone(rt, inc)
		evs, err := step(inc)
		if err != nil && !errors.Is(err, incident.ErrNotFound) { // a flow without that task
			rt.Fatal(err)
		}
		w.happened(before, inc, evs)
	}
}

// any returns a verb with parameters.
func (w *walk) any(act incident.Act) (string, func(*incident.Incident) ([]incident.Event, error)) {
	person := w.pick("person", "ana", "ben", "cy")
	role := w.pick("role", "lead", "scribe", "reporter")
	severity := w.pick("severity", "minor", "major", "critical")
	status := incident.Status(w.pick("status", "investigating", "fixing", "monitoring", "closed"))
	task := w.pick("task", "write", "debrief")
	ref := fmt.Sprintf("Q-%d", rapid.IntRange(1, 6).Draw(w.rt, "entry"))
	version := rapid.Int64Range(1, 9).Draw(w.rt, "version")
	type did = func(*incident.Incident) ([]incident.Event, error)
	verbs := map[string]did{
		"accept": func(i *incident.Incident) ([]incident.Event, error) {
			return i.Accept(act, incident.AcceptParams{Severity: severity, Name: "a better name"})
		},
		"decline": func(i *incident.Incident) ([]incident.Event, error) { return i.Decline(act, "nothing") },
		"update": func(i *incident.Incident) ([]incident.Event, error) {
			return i.ShareUpdate(act, incident.UpdateParams{Message: "news", Status: status, Severity: severity})
		},
		"pause":   func(i *incident.Incident) ([]incident.Event, error) { return i.Pause(act, "waiting") },
		"resume":  func(i *incident.Incident) ([]incident.Event, error) { return i.Resume(act) },
		"cancel":  func(i *incident.Incident) ([]incident.Event, error) { return i.Cancel(act, "nothing") },
		"resolve": func(i *incident.Incident) ([]incident.Event, error) { return i.Resolve(act, incident.ResolveParams{}) },
		"close":   func(i *incident.Incident) ([]incident.Event, error) { return i.Close(act) },
		"opt out": func(i *incident.Incident) ([]incident.Event, error) { return i.OptOut(act, "known") },
		"reopen":  func(i *incident.Incident) ([]incident.Event, error) { return i.Reopen(act, "again") },
		"edit": func(i *incident.Incident) ([]incident.Event, error) {
			return i.Edit(act, incident.EditParams{Name: new(w.pick("name", "one", "two")), Severity: &severity, Fields: map[string]incident.FieldValue{"cause": {"poison"}}})
		},
		"severity": func(i *incident.Incident) ([]incident.Event, error) { return i.ChangeSeverity(act, severity, "") },
		"private":  func(i *incident.Incident) ([]incident.Event, error) { return i.MakePrivate(act, "") },
		"assign":   func(i *incident.Incident) ([]incident.Event, error) { return i.AssignRole(act, role, person) },
		"unassign": func(i *incident.Incident) ([]incident.Event, error) { return i.Unassign(act, role) },
		"hand over": func(i *incident.Incident) ([]incident.Event, error) {
			return i.HandOver(act, role, i.Holder(role), person, "")
		},
		"join":  func(i *incident.Incident) ([]incident.Event, error) { return i.Join(act, person, incident.Observer) },
		"leave": func(i *incident.Incident) ([]incident.Event, error) { return i.Leave(act, person) },
		"activity": func(i *incident.Incident) ([]incident.Event, error) {
			return i.RecordActivity(act, person, "message", act.At)
		},
		"complete": func(i *incident.Incident) ([]incident.Event, error) { return i.CompleteTask(act, task) },
		"skip":     func(i *incident.Incident) ([]incident.Event, error) { return i.SkipTask(act, task, "late") },
		"action":   func(i *incident.Incident) ([]incident.Event, error) { return i.AddAction(act, "roll back", person) },
		"act": func(i *incident.Incident) ([]incident.Event, error) {
			id := "none"
			if len(i.Actions) > 0 {
				id = i.Actions[0].ID
			}
			return i.ChangeAction(act, id, incident.ItemChange{State: incident.ItemState(w.pick("state", "done", "not_doing", "outstanding"))})
		},
		"attach": func(i *incident.Incident) ([]incident.Event, error) {
			return i.AttachEntry(act, incident.Entry{Ref: ref, Version: 1})
		},
		"decide": func(i *incident.Incident) ([]incident.Event, error) {
			d := incident.EntryDecision{Ref: ref, Version: version, Decision: w.pick("decision", "replayed", "discarded", "")}
			return i.DecideEntry(act, d)
		},
	}
	verbs["escalate"] = func(i *incident.Incident) ([]incident.Event, error) {
		return i.Escalate(act, incident.EscalateParams{People: []string{person}, Reason: "help"})
	}
	verbs["call on"] = func(i *incident.Incident) ([]incident.Event, error) { return i.AdvanceEscalations(act) }
	verbs["ack"] = func(i *incident.Incident) ([]incident.Event, error) { return i.Ack(act, "") }
	verbs["notified"] = func(i *incident.Incident) ([]incident.Event, error) {
		e := latest(i)
		return i.LevelNotified(act, e.ID, e.Round, e.Level, []string{"pager"})
	}
	verbs["cancel call"] = func(i *incident.Incident) ([]incident.Event, error) {
		return i.CancelEscalation(act, latest(i).ID, "known")
	}
	var names []string
	for name := range verbs {
		names = append(names, name)
	}
	slices.Sort(names)
	name := w.pick("verb", names...)
	return name, verbs[name]
}

// latest returns the escalation that was started last, or none.
func latest(inc *incident.Incident) incident.Escalation {
	if len(inc.Escalations) == 0 {
		return incident.Escalation{ID: "none"}
	}
	return inc.Escalations[len(inc.Escalations)-1]
}

// wantKnown asks that a refusal is one that surfaces can explain.
func (w *walk) wantKnown(name string, err error) {
	for _, known := range []error{incident.ErrInvalid, incident.ErrNotFound, incident.ErrConflict, incident.ErrRefused, incident.ErrNotAllowed} {
		if errors.Is(err, known) {
			return
		}
	}
	if _, ok := errors.AsType[*incident.TransitionError](err); ok {
		return
	}
	if _, ok := errors.AsType[*incident.GateError](err); ok {
		return
	}
	w.rt.Fatalf("%s: an error of no kind: %v", name, err)
}

func clone(t *rapid.T, inc *incident.Incident) *incident.Incident {
	doc, err := json.Marshal(inc)
	if err != nil {
		t.Fatal(err)
	}
	var copied incident.Incident
	if err := json.Unmarshal(doc, &copied); err != nil {
		t.Fatal(err)
	}
	return &copied
}

// happened checks an incident after something was done to it.
func (w *walk) happened(before, inc *incident.Incident, evs []incident.Event) {
	w.rt.Helper()
	w.evs[inc.ID] = append(w.evs[inc.ID], evs...)
	w.reached[inc.Status]++
	told, err := incident.Fold(w.evs[inc.ID])
	if err != nil {
		w.rt.Fatalf("folding %s: %v", inc.Ref(), err)
	}
	if diff := cmp.Diff(incident.FoldOf(inc), told); diff != "" {
		w.rt.Fatalf("%s (-document +events):\n%s", inc.Ref(), diff)
	}
	if before != nil && before.Status.Final() && inc.Status != before.Status {
		w.rt.Fatalf("%s left %s for %s", inc.Ref(), before.Status, inc.Status)
	}
	if before != nil && before.Visibility == incident.Private && inc.Visibility != incident.Private {
		w.rt.Fatalf("%s is public again", inc.Ref())
	}
	if closes(evs) && len(inc.Undecided()) > 0 {
		w.rt.Fatalf("%s closed with undecided entries", inc.Ref())
	}
	if len(evs) == 0 && before != nil {
		if diff := cmp.Diff(before, clone(w.rt, inc)); diff != "" {
			w.rt.Fatalf("%s changed and nothing happened:\n%s", inc.Ref(), diff)
		}
	}
	w.wantTimes(inc)
	w.wantRoles(inc)
	for _, e := range inc.Escalations {
		if e.State == incident.Paging && !inc.Status.Open() {
			w.rt.Fatalf("%s is %s and still calls people", inc.Ref(), inc.Status)
		}
		if due := !e.DueAt.IsZero(); due && e.State != incident.Paging {
			w.rt.Fatalf("%s: an escalation that is %s is due", inc.Ref(), e.State)
		}
	}
}

func closes(evs []incident.Event) bool {
	return slices.ContainsFunc(evs, func(e incident.Event) bool {
		d, err := incident.DataOf[incident.DataStatus](e)
		return e.Type == incident.EvStatus && err == nil && d.To == incident.Closed
	})
}

// wantTimes asks for the times that hang on a status.
func (w *walk) wantTimes(inc *incident.Incident) {
	over := inc.Status == incident.Closed || inc.Status.Final()
	for what, c := range map[string]struct {
		at   time.Time
		want bool
	}{
		"monitoring since": {inc.Times.MonitoringSince, inc.Status == incident.Monitoring},
		"paused since":     {inc.Times.PausedSince, inc.Status == incident.Paused},
		"closed":           {inc.Times.Closed, over},
	} {
		if c.at.IsZero() == c.want {
			w.rt.Fatalf("%s is %s, and %s is %s", inc.Ref(), inc.Status, what, c.at)
		}
	}
	ended := inc.Status.Stage() == incident.StagePost || inc.Status == incident.Closed
	if ended && inc.Times.Resolved.IsZero() {
		w.rt.Fatalf("%s is %s and was never resolved", inc.Ref(), inc.Status)
	}
	if !inc.Status.Live() && !inc.NextUpdateDue.IsZero() {
		w.rt.Fatalf("%s is %s and promises an update", inc.Ref(), inc.Status)
	}
	if (inc.Resumes != "") != (inc.Status == incident.Paused) {
		w.rt.Fatalf("%s is %s and resumes %q", inc.Ref(), inc.Status, inc.Resumes)
	}
}

// wantRoles asks that each role has one holder, who takes part.
func (w *walk) wantRoles(inc *incident.Incident) {
	seen := map[string]bool{}
	for _, a := range inc.Assignments {
		if seen[a.Role] {
			w.rt.Fatalf("%s has two who are %s", inc.Ref(), a.Role)
		}
		seen[a.Role] = true
		if p, ok := inc.ParticipantOf(a.Person); !ok || !p.Left.IsZero() {
			w.rt.Fatalf("%s is %s of %s and takes no part", a.Person, a.Role, inc.Ref())
		}
	}
}

// keyHolders asks that no two incidents list one key, that open keys are held only while open, and
// that what was merged lists none.
func (w *walk) keyHolders() {
	holder := map[string]string{}
	for _, inc := range w.incs {
		for _, k := range inc.Keys {
			if other := holder[k.Text]; other != "" {
				w.rt.Fatalf("%s and %s list the key %s", other, inc.Ref(), k.Text)
			}
			holder[k.Text] = inc.Ref()
			if k.Open && inc.Status == incident.Merged {
				w.rt.Fatalf("%s was merged and lists the key %s", inc.Ref(), k.Text)
			}
		}
		for _, k := range inc.Held() {
			if k.Open && !inc.Status.Open() {
				w.rt.Fatalf("%s is %s and holds the key %s", inc.Ref(), inc.Status, k.Text)
			}
		}
	}
	want := 2 * len(w.incs)
	for _, inc := range w.incs {
		want += len(inc.Escalations) // each is found by a key of its own
	}
	if len(holder) != want {
		w.rt.Fatalf("%d keys are listed, %d were given", len(holder), want)
	}
}
