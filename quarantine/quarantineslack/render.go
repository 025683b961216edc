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
	optionMax  = 60   // characters of a subscription in a menu, of Slack's 75
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
	actionPause   = Prefix + "pause"
	modalDiscard  = Prefix + "discard"
	modalPause    = Prefix + "pause"
	inputReason   = Prefix + "reason"
)

// renderer lays out messages.
type renderer struct {
	// links is the base of all links, "" for none.
	links string
	title func(quarantine.Entry) string
	// pause and declare are offered where there is a service behind them.
	pause, declare bool
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

// columns is text whose parts stand apart by wide gaps, which Slack does not show.
func columns(s string) string { return strings.ReplaceAll(s, "   ", "; ") }

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
	add("History", mark(columns(x.History), fieldMax))
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
		add(slack.NewOverflowBlockElement(actionMore, r.more(g)...))
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

// more is what else can be done, behind the dots.
func (r renderer) more(g quarantine.Group) []*slack.OptionBlockObject {
	all := []*slack.OptionBlockObject{option(g, "Snooze 1 h", verbSnooze1h), option(g, "Snooze 24 h", verbSnooze24h)}
	if r.declare {
		all = append(all, option(g, "Declare incident", verbDeclare))
	}
	if r.pause {
		all = append(all, option(g, "Pause "+plain(g.Subscription, optionMax)+"...", verbPause))
	}
	return all
}

func option(g quarantine.Group, text, verb string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value{Ref: g.Ref, Version: g.Version, Verb: verb}.String(), plainText(text), nil)
}

func (r renderer) open(path string) slack.BlockElement {
	return slack.NewButtonBlockElement(actionOpen, "", plainText("Open")).WithURL(r.links + path)
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
