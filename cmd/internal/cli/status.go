package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// The first words of the status screen, worst first.
const (
	wordStoreDown = "STORE DOWN"
	wordNaming    = "NAMING"
	wordBreaker   = "BREAKER OPEN"
	wordContained = "CONTAINED"
	wordReplaying = "REPLAYING"
	wordPaused    = "PAUSED"
	wordShed      = "SHED"
	wordQuiet     = "QUIET"
)

// watchEvery is how often -w reads the store.
const watchEvery = 2 * time.Second

type statusOptions struct {
	output.Options
	watch bool
}

func (o *statusOptions) add(c *cobra.Command) {
	addOutput(c, &o.Options)
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again every 2 s until Ctrl-C")
}

func (o *statusOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if !o.watch {
		return o.once(ctx, t)
	}
	if !t.OutTerminal || o.Machine(true) {
		return problem.Errorf(problem.Invalid, "-w is for a terminal; in a script call theriac again")
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		t.Out().Clear()
		if err := o.once(ctx, t); err != nil && problem.Of(err) != problem.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// block is one subscription's line on the screen with what belongs to it.
type block struct {
	Word         string `json:"word"`
	Subscription string `json:"subscription,omitempty"`
	Messages     int64  `json:"messages"`
	Workers      int    `json:"workers"`
	// Reason says why the breaker is open, and Since when it opened.
	Reason string     `json:"reason,omitempty"`
	Since  *time.Time `json:"since,omitempty"`

	text    string
	details []string
}

// statusJSON is the screen in theriac/1.
type statusJSON struct {
	output.Head
	Word       string      `json:"word"`
	Context    string      `json:"context,omitempty"`
	Prod       bool        `json:"prod"`
	Store      string      `json:"store"`
	StoreOK    bool        `json:"store_ok"`
	Error      string      `json:"error,omitempty"`
	At         time.Time   `json:"at"`
	Workers    int         `json:"workers"`
	Held       int64       `json:"held"`
	HeldGroups int         `json:"held_groups"`
	OldestHeld *time.Time  `json:"oldest_held,omitempty"`
	Blocks     []block     `json:"blocks"`
	LastHeld   []entryJSON `json:"last_held"`
	// Controls are what somebody holds back.
	Controls []controlJSON `json:"controls"`
	// Notices say how far telling people is behind; absent where no notifier ever ran.
	Notices *noticesJSON `json:"notices,omitempty"`
	// Suspects wait to run alone; Deaths are those of the last hour. Both count to a limit.
	Suspects int `json:"suspects"`
	Deaths   int `json:"deaths_last_hour"`
	// Incidents are those that people work on; absent without any, and where they cannot be read.
	Incidents []openIncidentJSON `json:"incidents,omitempty"`
}

func (o *statusOptions) once(ctx context.Context, t *Tool) error {
	s, err := t.Settings()
	if err != nil {
		return err
	}
	st, err := t.overview(ctx)
	if problem.Of(err) == problem.Unavailable {
		return o.storeDown(t, s, err)
	}
	if err != nil {
		return err
	}
	j := newStatusJSON(s, st)
	j.Incidents = t.workedOn(ctx)
	return t.Print(o.Options, output.Answer{Value: j, Names: heldRefs(st), Layout: output.Screen(func(w *term.Writer) { statusScreen(w, j, st) })})
}

// noticesJSON is how far telling people is behind.
type noticesJSON struct {
	Due     int        `json:"due"`
	Oldest  *time.Time `json:"oldest,omitempty"`
	Trouble string     `json:"trouble,omitempty"`

	word string
}

// noticesLate is how long a change may wait without anybody being told that it does.
const noticesLate = time.Minute

func newNoticesJSON(st quarantine.NoticeStats, now time.Time) *noticesJSON {
	if st.Led.IsZero() {
		return nil
	}
	j := &noticesJSON{Due: st.Due, Trouble: st.Trouble, word: "notices ok"}
	if st.Due == 0 {
		return j
	}
	oldest := st.Oldest.UTC()
	j.Oldest = &oldest
	if st.Troubled > 0 || now.Sub(st.Oldest) > noticesLate {
		j.word = "notices delayed " + age(st.Oldest, now)
	}
	return j
}

// overview is the room at a glance, deaths included.
type overview struct {
	quarantine.Status
	deaths
	told quarantine.NoticeStats
}

func (t *Tool) overview(ctx context.Context) (o overview, err error) {
	room, err := t.Room(ctx)
	if err != nil {
		return o, err
	}
	if o.Status, err = room.Status(ctx); err != nil {
		return o, err
	}
	if o.deaths, err = recentDeaths(ctx, room, o.At); err != nil {
		return o, err
	}
	o.told, err = room.NoticeStats(ctx)
	return o, err
}

// storeDown prints what can be said without a store. The exit code is 7.
func (o *statusOptions) storeDown(t *Tool, s config.Settings, cause error) error {
	j := statusJSON{
		Head: output.NewHead(), Word: wordStoreDown, Context: s.Context, Prod: s.Prod, Store: s.Store.String(), At: t.now().UTC(),
		Error: cause.Error(), Blocks: []block{{Word: wordStoreDown, text: cause.Error()}}, LastHeld: []entryJSON{}, Controls: []controlJSON{},
	}
	err := t.Print(o.Options, output.Answer{Value: j, Layout: output.Screen(func(w *term.Writer) {
		statusHead(w, j)
		statusBlocks(w, j.Blocks)
		w.Printf("Next   theriac doctor   what is wrong, and how to mend it\n")
	})})
	return cmp.Or[error](err, &shownError{problem.Unavailable})
}

func newStatusJSON(s config.Settings, st overview) statusJSON {
	j := statusJSON{
		Head: output.NewHead(), Context: s.Context, Prod: s.Prod, Store: s.Store.String(), StoreOK: true, At: st.At.UTC(),
		Held: st.Held, HeldGroups: st.HeldGroups, LastHeld: []entryJSON{}, Controls: newControlsJSON(st.Controls),
		Suspects: len(st.waiting), Deaths: len(st.lastHour), Notices: newNoticesJSON(st.told, st.At),
	}
	if !st.OldestHeld.IsZero() {
		oldest := st.OldestHeld.UTC()
		j.OldestHeld = &oldest
	}
	for _, w := range st.Workers {
		if w.Alive {
			j.Workers++
		}
	}
	for _, e := range st.LastHeld {
		j.LastHeld = append(j.LastHeld, newEntryJSON(e))
	}
	j.Blocks = statusBlocksOf(st)
	j.Word = j.Blocks[0].Word
	return j
}

// statusBlocksOf says how each subscription stands, worst first; without trouble it says QUIET and
// what was done last.
func statusBlocksOf(st overview) []block {
	var open, contained, replaying []block
	for _, sub := range st.Subscriptions {
		if sub.Breaker.Open() {
			open = append(open, breakerBlock(st, sub))
		}
		if n := sub.Counts[quarantine.StateHeld]; n > 0 {
			contained = append(contained, block{
				Word: wordContained, Subscription: sub.Name, Messages: n, Workers: sub.Workers,
				text:    fmt.Sprintf("%s held, oldest %s   %s", plural(n, "message", "messages"), age(sub.OldestHeld, st.At), served(sub)),
				details: heldLines(st, sub.Name, n),
			})
		}
		if n := sub.Counts[quarantine.StateReplaying]; n > 0 {
			replaying = append(replaying, block{
				Word: wordReplaying, Subscription: sub.Name, Messages: n, Workers: sub.Workers,
				text: fmt.Sprintf("%s to run again   %s", plural(n, "message", "messages"), served(sub)),
			})
		}
	}
	if blocks := slices.Concat(namingBlocks(st), open, contained, replaying, controlBlocks(st)); len(blocks) > 0 {
		return blocks
	}
	quiet := block{Word: wordQuiet, text: "nothing is held"}
	for _, op := range st.LastOperations[:min(3, len(st.LastOperations))] {
		quiet.details = append(quiet.details, operationLine(op, st.At))
	}
	return []block{quiet}
}

// breakerBlock says that quarantining has stopped, why, and what helps.
func breakerBlock(st overview, sub quarantine.SubscriptionStatus) block {
	since := sub.Breaker.OpenSince.UTC()
	b := block{
		Word: wordBreaker, Subscription: sub.Name, Workers: sub.Breakers, Reason: sub.Breaker.Reason(), Since: &since,
		text:    fmt.Sprintf("for %s in %d of %s: %s", age(since, st.At), sub.Breakers, plural(sub.Workers, "worker", "workers"), sub.Breaker.Reason()),
		details: []string{"nothing is quarantined, one message at a time is tried; it closes by itself when one succeeds"},
	}
	if sub.Breaker.Kills {
		b.details = append(b.details, "roll back; what was held before it opened runs again by itself: theriac crashes"+subFlag(sub.Name))
	} else {
		b.details = append(b.details, "see what the handlers need, and the build: theriac doctor")
	}
	return b
}

func served(sub quarantine.SubscriptionStatus) string {
	if sub.Workers == 0 {
		return "no living worker serves it"
	}
	return plural(sub.Workers, "worker", "workers")
}

// heldLines are the latest held entries of a subscription, and where to see the rest.
func heldLines(st overview, sub string, held int64) []string {
	var lines []string
	for _, e := range st.LastHeld {
		if e.Subscription == sub {
			lines = append(lines, fmt.Sprintf("%s  %s   %s   %s ago", e.Ref, cmp.Or(e.Title, string(e.Reason)), e.Where, age(e.HeldAt, st.At)))
		}
	}
	if more := held - int64(len(lines)); more > 0 {
		lines = append(lines, fmt.Sprintf("%s more: theriac ls sub:%s", count(more), sub))
	}
	return lines
}

func operationLine(op quarantine.AuditRow, now time.Time) string {
	ref := op.Ref
	if op.Control == quarantine.ControlShed {
		ref = "service"
	}
	line := fmt.Sprintf("%s  %s by %s (%s) %s ago", ref, deed(op), op.Decision.Actor.Name, op.Decision.Actor.Via, age(op.Decision.At, now))
	if op.Decision.Reason != "" {
		line += ": " + op.Decision.Reason
	}
	return line
}

// deed is what was done, in the past tense.
func deed(op quarantine.AuditRow) string {
	switch op.Control {
	case quarantine.ControlPause:
		return "paused " + untilText(op.Until, op.Decision.At)
	case quarantine.ControlResume:
		return "resumed"
	case quarantine.ControlShed:
		if op.Ref == string(handlers.ShedNothing) {
			return "shed no more"
		}
		return "shed to " + op.Ref + " " + untilText(op.Until, op.Decision.At)
	}
	switch op.Verb {
	case quarantine.GroupTake:
		return "taken"
	case quarantine.GroupRelease:
		return "released"
	case quarantine.GroupSnooze:
		return "made quiet until " + op.Until.UTC().Format("2006-01-02 15:04Z")
	default:
		return string(op.To)
	}
}

func heldRefs(st overview) []string {
	var refs []string
	for _, e := range st.LastHeld {
		refs = append(refs, e.Ref)
	}
	return refs
}

func statusScreen(w *term.Writer, j statusJSON, st overview) {
	statusHead(w, j)
	statusBlocks(w, j.Blocks)
	statusIncidents(w, j.Incidents)
	st.deaths.print(w, st.At)
	if j.Held > 0 {
		statusHeld(w, j, st)
	}
	statusNext(w, j, st)
}

// statusHeld says how many entries wait for a person.
func statusHeld(w *term.Writer, j statusJSON, st overview) {
	atLeast := ""
	if st.Capped {
		atLeast = "at least "
	}
	w.Printf("Waiting for a person   %s%s in %s, oldest %s\n", atLeast, entries(j.Held), plural(j.HeldGroups, "group", "groups"), age(st.OldestHeld, st.At))
}

// statusNext names the commands that the screen leads to.
func statusNext(w *term.Writer, j statusJSON, st overview) {
	next := "Next  "
	if len(st.waiting) > 0 {
		w.Printf("%s theriac suspects         who is suspected, and of which death\n", next)
		next = "      "
	}
	if len(st.LastHeld) == 0 {
		return
	}
	ref := st.LastHeld[0].Ref
	w.Printf("%s theriac why %s       what happened\n", next, ref)
	w.Printf("       theriac replay %s    run it again, on the build running now\n", ref)
	w.Printf("       theriac discard %s --reason \"…\"    never run it (undo: theriac restore %s)\n", ref, ref)
	if j.HeldGroups > 1 {
		w.Printf("       theriac groups            all %s\n", plural(j.HeldGroups, "problem", "problems"))
	}
}

func statusHead(w *term.Writer, j statusJSON) {
	if j.Prod {
		w.Paint(term.Red, "PROD")
		w.Printf("  ")
	}
	if j.Context != "" {
		w.Printf("%s   ", j.Context)
	}
	ok := "ok"
	if !j.StoreOK {
		ok = "DOWN"
	}
	w.Printf("store %s   %s   ", ok, j.Store)
	if j.StoreOK {
		w.Printf("%s   ", plural(j.Workers, "worker", "workers"))
	}
	if j.Notices != nil {
		w.Printf("%s   ", j.Notices.word)
	}
	w.Printf("as of %s\n", j.At.Format("15:04:05Z"))
	if j.Notices != nil && j.Notices.Trouble != "" {
		w.Printf("People are not told: %s   theriac doctor\n", j.Notices.Trouble)
	}
}

func statusBlocks(w *term.Writer, blocks []block) {
	for _, b := range blocks {
		w.Paint(wordStyle(b.Word), b.Word)
		if b.Subscription != "" {
			w.Printf("  %s", b.Subscription)
		}
		w.Printf("  %s\n", b.text)
		for _, line := range b.details {
			w.Printf("  %s\n", line)
		}
	}
}

func wordStyle(word string) term.Style {
	switch word {
	case wordStoreDown, wordNaming, wordBreaker:
		return term.Red
	case wordContained, wordReplaying, wordPaused, wordShed:
		return term.Yellow
	default:
		return term.Green
	}
}
