package quarantineslack

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// The screens. Everything here is pure: facts in, blocks out, so that golden files
// can hold every state. All text from outside goes through mark (markdown) or plain,
// and every text object is told not to look for links, names and channels.

const (
	headerMax  = 150  // characters; Slack's own limit
	fieldMax   = 420  // characters of one field
	messageMax = 4000 // characters of a message in all; ours
	nameMax    = 80   // characters of a subscription, a person, a build
	reasonMax  = 300  // characters of a person's reason
)

// Identifiers of what can be pressed. One Slack app serves several rooms: what
// begins with Prefix is ours.
const (
	Prefix        = "q:"
	actionOpen    = Prefix + "open"
	actionTake    = Prefix + "take"
	actionReplay  = Prefix + "replay"
	actionDiscard = Prefix + "discard"
	actionMore    = Prefix + "more"
	modalDiscard  = Prefix + "discard"
	inputReason   = Prefix + "reason"
)

// renderer lays out messages.
type renderer struct {
	// links is the base of all links, "" for none.
	links string
	title func(quarantine.Entry) string
}

// groupFacts is what a group's message is made of.
type groupFacts struct {
	phase phase
	group quarantine.Group
	// entry is the one that buttons are about, with its attempts: the newest that is
	// held, else the newest.
	entry quarantine.Entry
	// deaths are the workers that died of it.
	deaths int
	// poison is the entry whose replay failed last, died whether it died of it.
	poison string
	died   bool
}

// mark is text from outside as markdown, on one line: a line of its own could look
// like one of ours.
func mark(s string, maxRunes int) string { return slackkit.Escape(oneLine(s, maxRunes), maxRunes) }

// plain is text from outside for plain text objects.
func plain(s string, maxRunes int) string { return slackkit.Plain(oneLine(s, maxRunes), maxRunes) }

func oneLine(s string, maxRunes int) string {
	if limit := 8 * maxRunes; len(s) > limit {
		s = s[:limit] // more than is shown, so that the cut is seen
	}
	return strings.Join(strings.Fields(s), " ")
}

func markdown(s string) *slack.TextBlockObject { return slackkit.Mrkdwn(s) }

func plainText(s string) *slack.TextBlockObject { return slackkit.PlainText(s) }

// message puts a message together. text is what a lock screen shows.
func message(header, text string, fields []*slack.TextBlockObject, buttons *slack.ActionBlock, foot []string) slackkit.Message {
	left := messageMax - len(header) - len(text)
	blocks := []slack.Block{headline(header)}
	var kept []*slack.TextBlockObject
	for _, f := range fields[:min(len(fields), 10)] {
		if left -= len(f.Text); left < 600 { // the foot must stay: it says how to see the rest
			break
		}
		kept = append(kept, f)
	}
	if len(kept) > 0 {
		blocks = append(blocks, slack.NewSectionBlock(nil, kept, nil))
	}
	if buttons != nil && len(buttons.Elements.ElementSet) > 0 {
		blocks = append(blocks, buttons)
	}
	if len(foot) > 0 {
		blocks = append(blocks, slack.NewContextBlock("", markdown(strings.Join(foot, "  |  "))))
	}
	return slackkit.Message{Text: mark(text, 300), Blocks: blocks}
}

// headline is a header. Its parts are plain already.
func headline(header string) *slack.HeaderBlock {
	return slack.NewHeaderBlock(plainText(slackkit.Plain(header, headerMax)))
}

// field is one fact; value is markdown already.
func field(name, value string) *slack.TextBlockObject { return markdown("*" + name + "*\n" + value) }

// group is the message of a group.
func (r renderer) group(f groupFacts, at time.Time) slackkit.Message {
	x := r.explained(f.entry, f.group, at)
	header := f.header()
	text := header
	if f.phase == phaseContained || f.phase == phaseTaken || f.phase == phaseSnoozed {
		newest := ""
		if f.group.Counts[quarantine.StateHeld] > 1 {
			newest = "newest "
		}
		text += fmt.Sprintf(": %s%s (%s)", newest, x.Ref, r.short(f.entry, x))
	}
	foot := []string{
		code("theriac why " + x.Ref), "first held " + clock(f.group.First), "group " + ref(f.group.Ref), "as of " + clock(at),
	}
	return message(header, text, r.fields(f, x), r.buttons(f), foot)
}

// short is what happened in a few words: the title where it may be said.
func (r renderer) short(e quarantine.Entry, x quarantine.Explanation) string {
	if t := r.title(e); t != "" {
		return t
	}
	return x.Kind
}

// header says the state in one line.
func (f groupFacts) header() string {
	g := f.group
	sub := plain(g.Subscription, nameMax)
	held := g.Counts[quarantine.StateHeld]
	messages := plural(held, "message") + " held"
	switch f.phase {
	case phaseReplaying:
		return fmt.Sprintf("REPLAYING  %s: %s running again, %s replayed, %s held", sub,
			number(g.Counts[quarantine.StateReplaying]), number(g.Counts[quarantine.StateReplayed]), number(held))
	case phaseResolved:
		return fmt.Sprintf("RESOLVED  %s: %s replayed, %s discarded", sub,
			number(g.Counts[quarantine.StateReplayed]), number(g.Counts[quarantine.StateDiscarded]))
	case phasePoison:
		verb := "failed"
		if f.died {
			verb = "died"
		}
		return fmt.Sprintf("STILL POISON  %s: replay %s again, %s", sub, verb, messages)
	case phaseTaken:
		return fmt.Sprintf("TAKEN by %s  %s: %s", plain(g.Taken.Actor.Name, nameMax), sub, messages)
	case phaseSnoozed:
		return fmt.Sprintf("SNOOZED until %s  %s: %s", g.SnoozedUntil.UTC().Format("2 Jan 15:04Z"), sub, messages)
	default:
		if f.deaths > 0 {
			messages = plural(int64(f.deaths), "worker") + " died, " + messages
		}
		return fmt.Sprintf("CONTAINED  %s: %s", sub, messages)
	}
}

// aloud is what the channel hears when the group got worse.
func (f groupFacts) aloud(loud string) string {
	taken := ""
	if f.group.Taken.Actor.Name != "" {
		taken = ", taken by " + plain(f.group.Taken.Actor.Name, nameMax)
	}
	now := fmt.Sprintf("%s: %s held%s", plain(f.group.Subscription, nameMax), plural(f.group.Counts[quarantine.StateHeld], "message"), taken)
	switch loud {
	case loudReopened:
		return "REOPENED  " + now
	case loudAwake:
		return "THE SNOOZE IS OVER  " + now
	case loudPoison:
		return groupFacts{phase: phasePoison, group: f.group, died: f.died}.header() + taken
	default:
		return ""
	}
}

// fields are the facts of the explanation, the same that the command line shows.
func (r renderer) fields(f groupFacts, x quarantine.Explanation) []*slack.TextBlockObject {
	var all []*slack.TextBlockObject
	add := func(name, value string) {
		if value != "" {
			all = append(all, field(name, value))
		}
	}
	add("Entry", ref(x.Ref)+"  (message "+mark(x.MessageID, 128)+")")
	add("What", mark(x.Kind, fieldMax))
	add("Where", mark(x.Where, fieldMax))
	var why []string
	for i, w := range x.WhyThis {
		why = append(why, fmt.Sprintf("%d  %s", i+1, mark(w, fieldMax)))
	}
	add("Why this one", strings.Join(why, "\n"))
	add("Build", mark(x.Build, nameMax))
	add("History", mark(x.History, fieldMax))
	if x.GroupEntries > 1 {
		add("Like it", fmt.Sprintf("%s in %s, %s held, last %s", plural(x.GroupEntries, "message"), ref(f.group.Ref),
			number(f.group.Counts[quarantine.StateHeld]), clock(f.group.Last)))
	}
	if f.phase == phasePoison && f.poison != "" {
		add("Replayed", ref(f.poison)+" was held again, nothing else was touched")
	}
	if t := f.group.Taken; t.Actor.Name != "" && f.phase != phaseResolved {
		add("Taken", mark(t.Actor.Name, nameMax)+via(t.Actor)+" at "+clock(t.At)+because(t.Reason))
	}
	add("Deaths", strings.Join(deathCommands(x.CrashReports), "\n"))
	return all
}

// buttons are those of the state, as docs/operations.md lists them.
func (r renderer) buttons(f groupFacts) *slack.ActionBlock {
	e, g := f.entry, f.group
	block := slack.NewActionBlock("q:" + g.Ref)
	add := func(b slack.BlockElement) { block.Elements.ElementSet = append(block.Elements.ElementSet, b) }
	if r.links != "" {
		path := "/e/" + e.Ref
		if f.phase == phaseResolved || f.phase == phaseReplaying {
			path = "/g/" + g.Ref
		}
		add(r.open(path))
	}
	if e.State != quarantine.StateHeld || f.phase == phaseReplaying || f.phase == phaseResolved {
		return block
	}
	if f.phase != phaseTaken {
		add(slack.NewButtonBlockElement(actionTake, value{Ref: g.Ref, Version: g.Version}.String(), plainText("I have it")).
			WithStyle(slack.StylePrimary))
	}
	v := value{Ref: e.Ref, Version: e.Version}.String()
	add(slack.NewButtonBlockElement(actionReplay, v, plainText("Replay one")).WithConfirm(
		slack.NewConfirmationBlockObject(plainText("Replay "+e.Ref+"?"), plainText(replayWarning(e)), plainText("Replay"), plainText("Cancel"))))
	add(slack.NewButtonBlockElement(actionDiscard, v, plainText("Discard...")).WithStyle(slack.StyleDanger))
	if f.phase == phaseContained || f.phase == phasePoison {
		add(slack.NewOverflowBlockElement(actionMore, snooze(g, "Snooze 1 h", verbSnooze1h), snooze(g, "Snooze 24 h", verbSnooze24h)))
	}
	return block
}

// replayWarning says what a replay of e does.
func replayWarning(e quarantine.Entry) string {
	if e.Reason == handlers.ReasonCrashed || e.Reason == handlers.ReasonHung {
		return "Runs alone in the ward. If it dies it is held again."
	}
	return "Runs once more, alone where there is a ward. If it fails it is held again."
}

func snooze(g quarantine.Group, text, verb string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value{Ref: g.Ref, Version: g.Version, Verb: verb}.String(), plainText(text), nil)
}

func (r renderer) open(path string) slack.BlockElement {
	return slack.NewButtonBlockElement(actionOpen, "", plainText("Open")).WithURL(r.links + path)
}

// digestLine is one group of a digest.
type digestLine struct {
	ref   string
	group quarantine.Group
	gone  bool // it could not be read
}

const digestLines = 25 // groups that a digest shows

// digest is the message that tells of many groups at once. lines are the newest.
func (r renderer) digest(lines []digestLine, groups int, at time.Time) slackkit.Message {
	held, open := int64(0), 0
	for _, l := range lines {
		if n := l.group.Counts[quarantine.StateHeld] + l.group.Counts[quarantine.StateReplaying]; n > 0 {
			held, open = held+n, open+1
		}
	}
	header := fmt.Sprintf("CONTAINED  %s more groups, each a different problem", number(int64(groups)))
	text := header
	if open == 0 && len(lines) > 0 && groups <= len(lines) {
		header = fmt.Sprintf("RESOLVED  %s groups, each a different problem", number(int64(groups)))
		text = header
	}
	var b strings.Builder
	shown := 0
	for _, l := range lines {
		line := r.digestLine(l)
		if shown == digestLines || b.Len()+len(line) > 2900 { // Slack takes 3,000 characters
			break
		}
		b.WriteString(line)
		shown++
	}
	if more := groups - shown; more > 0 {
		fmt.Fprintf(&b, "and %s more\n", number(int64(more)))
	}
	blocks := []slack.Block{
		headline(header),
		slack.NewSectionBlock(markdown(strings.TrimSuffix(b.String(), "\n")), nil, nil),
		slack.NewContextBlock("", markdown(strings.Join([]string{
			code("theriac groups"), number(held) + " held or running in the groups above", "as of " + clock(at)}, "  |  "))),
	}
	if r.links != "" {
		blocks = append(blocks, slack.NewActionBlock("q:digest", r.open("/groups")))
	}
	return slackkit.Message{Text: mark(text, 300), Blocks: blocks}
}

func (r renderer) digestLine(l digestLine) string {
	if l.gone {
		return ref(l.ref) + "\n"
	}
	g := l.group
	held, again := g.Counts[quarantine.StateHeld], g.Counts[quarantine.StateReplaying]
	standing := number(held) + " held"
	switch {
	case again > 0:
		standing += ", " + number(again) + " running again"
	case held == 0:
		standing = "resolved"
	case g.Taken.Actor.Name != "":
		standing += ", taken by " + mark(g.Taken.Actor.Name, nameMax)
	}
	what := r.title(quarantine.Entry{Title: g.Title, Reason: g.Reason})
	if what == "" {
		what = string(g.Reason)
	}
	line := fmt.Sprintf("%s  %s  %s", ref(g.Ref), mark(g.Subscription, nameMax), mark(what, nameMax))
	if where := safeWhere(g.Where); where != "" {
		line += "  " + mark(where, nameMax)
	}
	return line + ": " + standing + "\n"
}

// namingFacts is what a message about deaths without a culprit is made of.
type namingFacts struct {
	phase   phase
	subs    []string
	crashes []string
	// workers died in company, wards alone.
	workers, wards int
	// by counts the suspects.
	by map[quarantine.SuspectState]int
	// died says how the first process ended, in words of the guardian; evidence what
	// is known about the cause.
	died, evidence string
}

func (f namingFacts) suspects() int {
	n := 0
	for _, s := range quarantine.SuspectStates() {
		n += f.by[s]
	}
	return n
}

// naming is the message about deaths of which nobody is known to be the cause yet.
func (r renderer) naming(f namingFacts, at time.Time) slackkit.Message {
	subs := plain(strings.Join(f.subs[:min(len(f.subs), 3)], ", "), nameMax)
	if len(f.subs) > 3 {
		subs = fmt.Sprintf("%d subscriptions or more", len(f.subs))
	}
	who := plural(int64(f.workers), "worker") + " died"
	if len(f.crashes) >= crashesMax {
		who = "at least " + who
	}
	if f.workers == 0 {
		who = plural(int64(f.wards), "ward") + " died"
	}
	n, waiting := f.suspects(), f.by[quarantine.SuspectWaiting]
	cleared := f.by[quarantine.SuspectDone] + f.by[quarantine.SuspectCleared]
	var header string
	switch f.phase {
	case phaseCleared:
		header = fmt.Sprintf("CLEARED  %s: %s, %s cleared, none held", subs, who, plural(int64(cleared), "suspect"))
	case phaseNamed:
		header = fmt.Sprintf("NAMED  %s: %s, %d of %s held", subs, who, f.by[quarantine.SuspectHeld], plural(int64(n), "suspect"))
	default:
		header = fmt.Sprintf("NAMING  %s: %s, %s running alone", subs, who, plural(int64(waiting), "suspect"))
	}
	fields := []*slack.TextBlockObject{
		field("Suspects", fmt.Sprintf("%d: %d wait or run alone, %d cleared, %d held", n, waiting, cleared, f.by[quarantine.SuspectHeld])),
	}
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, field(name, mark(value, fieldMax)))
		}
	}
	add("How it died", f.died)
	add("What is known", f.evidence)
	if f.phase == phaseNaming {
		fields = append(fields, field("Next", "Usually over in seconds. Nobody is held for being near."))
	}
	foot := append(deathCommands(f.crashes), code("theriac suspects"), "as of "+clock(at))
	var buttons *slack.ActionBlock
	if r.links != "" && len(f.crashes) > 0 && refForm.MatchString(f.crashes[0]) {
		buttons = slack.NewActionBlock("q:naming", r.open("/c/"+f.crashes[0]))
	}
	return message(header, header, fields, buttons, foot)
}

const threadLines = 12 // events that one reply tells

// thread is a reply that tells what happened. first, if not empty, is why the whole
// channel hears it.
func (r renderer) thread(first string, events []event) slackkit.Message {
	var lines []string
	if first != "" {
		lines = append(lines, "*"+slackkit.Escape(first, headerMax)+"*")
	}
	if len(lines)+len(events) == 0 {
		lines = append(lines, "something changed, see "+code("theriac audit"))
	}
	left := 2500 // of the 3,000 characters that Slack takes
	for i, e := range events {
		line := e.line()
		if i == threadLines || len(line) > left {
			lines = append(lines, fmt.Sprintf("and %d more changes, see %s", len(events)-i, code("theriac audit")))
			break
		}
		left -= len(line)
		lines = append(lines, line)
	}
	body := strings.Join(lines, "\n")
	return slackkit.Message{Text: lines[0], Blocks: []slack.Block{slack.NewSectionBlock(markdown(body), nil, nil)}}
}

// line tells one event, as markdown.
func (e event) line() string {
	what := ref(e.refs...)
	if e.n > len(e.refs) {
		what = plural(int64(e.n), "entry") + " (" + what + ", ...)"
	}
	by := ""
	if e.by.Name != "" {
		by = " by " + mark(e.by.Name, nameMax) + via(e.by)
	}
	var s string
	switch e.what {
	case eventTaken:
		s = "taken" + by
	case eventReleased:
		s = "given back" + by
	case eventSnoozed:
		s = "quiet until " + clock(e.until) + by
	case eventAsked:
		s = what + " to run again, asked" + by
	case eventReplayed:
		s = what + " replayed" + by
	case eventAgain:
		s = what + " held again"
		if e.end != "" {
			s += " after " + mark(e.end, reasonMax)
		}
		if by != "" {
			s += ", asked" + by
		}
	default:
		s = what + " " + string(e.what) + by
	}
	return clock(e.at) + "  " + s + because(e.why)
}

// via is where somebody acted from, and that nobody checked the name.
func via(a quarantine.Actor) string {
	switch {
	case a.Via == "" || a.Via == "system":
		return ""
	case a.Claimed:
		return " (" + mark(a.Via, 20) + ", unchecked name)"
	default:
		return " (" + mark(a.Via, 20) + ")"
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + mark(reason, reasonMax)
}

// deathCommands are the commands that tell of the first deaths.
func deathCommands(crashes []string) []string {
	var all []string
	for _, c := range crashes[:min(len(crashes), 3)] {
		if refForm.MatchString(c) {
			all = append(all, code("theriac crashes "+c))
		}
	}
	return all
}

// code is a command to be copied. It is made of our own words and references only.
func code(s string) string { return "`" + mark(s, nameMax) + "`" }

// ref is references as they may stand anywhere.
func ref(all ...string) string {
	var ok []string
	for _, r := range all {
		if refForm.MatchString(r) {
			ok = append(ok, r)
		}
	}
	return strings.Join(ok, ", ")
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// number has a comma before each three figures.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return number(n) + " " + noun + "es"
	case strings.HasSuffix(noun, "y"):
		return number(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	default:
		return number(n) + " " + noun + "s"
	}
}
