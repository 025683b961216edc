package quarantineslack_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// pauseForm submits the form that a click on Pause opened.
func pauseForm(a slackkit.Answer, reason, user, request string) slackkit.Interaction {
	i := submit(a.Modal.PrivateMetadata, reason, user)
	i.View.CallbackID, i.Request = a.Modal.CallbackID, request
	return i
}

func TestHandle_Pause_StopsTheSubscriptionForAWhile(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier(func(c *quarantineslack.Config) { c.Flow = b.room })
	b.holdOne("fp-1")
	press := click("q:more", groupValue(b.group("fp-1"))+":pause", "U0ANA")
	a, err := n.Handle(b.ctx, press)
	b.must(err)
	if a.Modal == nil || a.Modal.CallbackID != "q:pause" {
		t.Fatalf("it opened %+v, says %q", a.Modal, a.Text)
	}
	if text := b.press(n, pauseForm(a, " ", "U0ANA", "1")); text != "A reason is required." {
		t.Errorf("without a reason: %q", text)
	}
	if text := b.press(n, pauseForm(a, "INC-42", "U0BEN", "2")); !strings.Contains(text, "takes the rights of operator") {
		t.Errorf("of a responder: %q", text)
	}
	c, err := b.room.Controls(b.ctx)
	b.must(err)
	if len(c.InForce) != 0 {
		t.Fatalf("in force before: %+v", c.InForce)
	}

	done, err := n.Handle(b.ctx, pauseForm(a, "INC-42", "U0ANA", "3"))
	b.must(err)
	if !regexp.MustCompile("^orders is paused until .*Z\\. Undo: `theriac resume orders`$").MatchString(done.Text) || done.Channel != "C0OPS" {
		t.Errorf("answered %q in %q", done.Text, done.Channel)
	}
	if r := done.Reply; r == nil || r.To != (slackkit.Place{Channel: "C0OPS", TS: press.MessageTS}) ||
		!regexp.MustCompile(`orders paused until .*Z by ana \(slack\): INC-42$`).MatchString(r.Message.Text) {
		t.Errorf("the thread hears %+v", r)
	}
	c, err = b.room.Controls(b.ctx)
	b.must(err)
	p, ok := c.Pause("orders")
	if who := p.Ordered.Actor; !ok || who != (quarantine.Actor{Name: "ana", Via: "slack"}) || p.Ordered.Reason != "INC-42" || p.Until.Sub(c.At).Round(time.Minute) != 30*time.Minute {
		t.Errorf("in force: %+v", c.InForce)
	}
	// A form of a build that kept no message is answered without a thread.
	old := b.notifier(func(c *quarantineslack.Config) { c.Flow = b.room })
	_, err = b.room.Resume(b.ctx, "orders", quarantine.Decision{Actor: ana})
	b.must(err)
	form := pauseForm(a, "INC-42", "U0ANA", "old")
	form.View.PrivateMetadata = strings.TrimSuffix(form.View.PrivateMetadata, " "+press.MessageTS)
	if got, err := old.Handle(b.ctx, form); err != nil || got.Reply != nil || got.Channel != "C0OPS" {
		t.Errorf("an older form: %+v, %v", got, err)
	}
	// The form that somebody else had open, and one more click, lose.
	for _, i := range []slackkit.Interaction{pauseForm(a, "me too", "U0ANA", "4"), press} {
		if text := b.press(n, i); !regexp.MustCompile(`^ana paused orders 0 s ago, until .*Z\.$`).MatchString(text) {
			t.Errorf("too late: %q", text)
		}
	}
	rows, err := b.room.Audit(b.ctx, "", 100)
	b.must(err)
	if got := len(slices.DeleteFunc(rows, func(r quarantine.AuditRow) bool { return r.Control != quarantine.ControlPause })); got != 2 {
		t.Errorf("%d audit rows of pauses, want 2", got)
	}
}

// TestHandle_PauseOfAnOpenBreaker: its message is of no group, so the button names the subscription.
func TestHandle_PauseOfAnOpenBreaker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		n := b.notifier(func(c *quarantineslack.Config) { c.Flow = b.room })
		const odd = "x; reboot <!channel>"
		w := b.serves("w-1", "v2", odd)
		w.breaks(true, false)
		pass(10 * time.Second)
		found := regexp.MustCompile(`"action_id":"q:pause","value":"([^"]*)"`).FindStringSubmatch(b.chat.messages()[0].bodies[0])
		if found == nil {
			b.Fatalf("there is no button to pause: %s", b.chat.messages()[0].bodies)
		}
		press := click("q:pause", found[1], "U0ANA")
		a, err := n.Handle(b.ctx, press)
		b.must(err)
		if a.Modal == nil {
			b.Fatalf("it opened no form, says %q", a.Text)
		}
		if text := b.press(n, click("q:pause", found[1], "U0BEN")); !strings.Contains(text, "takes the rights of operator") {
			b.Errorf("a responder: %q", text)
		}
		if text := b.press(n, pauseForm(a, "INC-42", "U0ANA", "1")); !strings.HasSuffix(text, "Undo: `theriac resume`") || strings.Contains(text, "<") {
			b.Errorf("answered %q", text)
		}
		c, err := b.room.Controls(b.ctx)
		b.must(err)
		if p, ok := c.Pause(odd); !ok || p.Ordered.Actor.Name != "ana" || p.Ordered.Reason != "INC-42" {
			b.Errorf("in force: %+v", c.InForce)
		}
		b.must(w.m.Leave(b.ctx))
		if text := b.press(n, press); !strings.Contains(text, "No living worker serves") {
			b.Errorf("of a subscription that nobody serves: %q", text)
		}
		for _, action := range []string{"q:take", "q:replay", "q:discard"} { // what such a value is not for
			if text := b.press(n, click(action, strings.TrimSuffix(found[1], ":pause"), "U0ANA")); text == "" {
				b.Errorf("%s did something", action)
			}
		}
	}, func(c *quarantineslack.Config) { c.Flow = flowOf(c) })
}

// flowOf is the flow of the room that is told of.
func flowOf(c *quarantineslack.Config) quarantineslack.Flow {
	flow, _ := c.Service.(quarantineslack.Flow)
	return flow
}

func TestHandle_Declare_OpensTheIncidentOfTheGroup(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.holdOne("fp-1")
	g := b.group("fp-1")
	var asked []quarantineslack.Declaration
	answer, failure := quarantineslack.Declared{Ref: "INC-7", Link: "https://ops.example.com/INC-7"}, error(nil)
	n := b.notifier(func(c *quarantineslack.Config) {
		c.Declare = func(_ context.Context, d quarantineslack.Declaration) (quarantineslack.Declared, error) {
			asked = append(asked, d)
			return answer, failure
		}
	})
	press := click("q:more", groupValue(g)+":declare", "U0BEN")
	if text := b.press(n, press); text != "INC-7 is declared. https://ops.example.com/INC-7" {
		t.Errorf("answered %q", text)
	}
	if len(asked) != 1 || asked[0].Group.Fingerprint != "fp-1" || asked[0].User != "U0BEN" || asked[0].Name != "ben" || asked[0].Request != press.Request ||
		asked[0].Link != "https://ops.example.com/theriac/g/"+g.Ref || strings.Contains(asked[0].Title, "cannot unmarshal") {
		t.Errorf("asked for %+v", asked)
	}
	answer.Before = true
	if text := b.press(n, press); !strings.HasPrefix(text, "INC-7 was declared before.") {
		t.Errorf("answered %q", text)
	}
	answer = quarantineslack.Declared{Refused: "nobody knows <@U0BEN>"}
	if text := b.press(n, press); text != "nobody knows &lt;@U0BEN&gt;" {
		t.Errorf("answered %q", text)
	}
	if text := b.press(n, click("q:more", groupValue(g)+":declare", "U0EVE")); !strings.Contains(text, "takes the rights of responder") {
		t.Errorf("a viewer: %q", text)
	}
	failure = errors.Join(quarantine.ErrUnavailable, errors.New("connection refused"))
	if text := b.press(n, press); !strings.Contains(text, "store cannot be reached") {
		t.Errorf("answered %q", text)
	}
	if len(asked) != 4 {
		t.Errorf("asked %d times, want 4", len(asked))
	}
}

// What there is no service behind is neither offered nor done.
func TestHandle_NothingBehindIt_NotKnown(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	b.holdOne("fp-1")
	g := groupValue(b.group("fp-1"))
	form := submit(g+":pause C0OPS", "x", "U0ANA")
	form.View.CallbackID = "q:pause"
	for _, tt := range []struct {
		i    slackkit.Interaction
		want string
	}{
		{click("q:more", g+":declare", "U0ANA"), "This button is not known here. Nothing was done."},
		{click("q:more", g+":pause", "U0ANA"), "This button is not known here. Nothing was done."},
		{form, "This form is not known here."},
	} {
		if got := b.press(n, tt.i); got != tt.want {
			t.Errorf("answered %q, want %q", got, tt.want)
		}
	}
}
