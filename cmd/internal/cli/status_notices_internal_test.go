package cli

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// TestStatus_Notices: whoever looks at the screen sees that people are not told, and why.
func TestStatus_Notices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.seed()
		head := func() string {
			t.Helper()
			r := b.screen()
			b.wantCode(r, problem.None)
			return r.out
		}
		if got := head(); strings.Contains(got, "notices") {
			t.Errorf("where nobody tells:\n%s", got)
		}
		if _, err := b.store.LeadNotices(t.Context(), "slack", time.Hour); err != nil {
			t.Fatal(err)
		}
		<-time.After(4 * time.Minute)
		if got := head(); !strings.Contains(strings.SplitN(got, "\n", 2)[0], "   notices delayed 6m   as of ") {
			t.Errorf("late:\n%s", got)
		}
		due, err := b.store.NoticesDue(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		put := func(trouble string, told bool) {
			t.Helper()
			var all []quarantine.ToldNotice
			for _, d := range due {
				n := quarantine.ToldNotice{Key: d.Key, AuditTold: d.AuditTold, Trouble: trouble}
				if told {
					n.Told = d.Group.Changes
				}
				all = append(all, n)
			}
			if err := b.store.PutNotices(t.Context(), "slack", all); err != nil {
				t.Fatal(err)
			}
		}
		put("slack: Slack refuses chat.postMessage: channel_not_found", false)
		if got := head(); !strings.Contains(got, "\nPeople are not told: slack: Slack refuses chat.postMessage: channel_not_found   theriac doctor\n") {
			t.Errorf("refused:\n%s", got)
		}
		if r := b.pipe("-o", "json", "--jq", ".notices.trouble"); !strings.Contains(r.out, "channel_not_found") {
			t.Errorf("as JSON: %s", r.out)
		}
		put("", true)
		if got := head(); !strings.Contains(strings.SplitN(got, "\n", 2)[0], "notices ok") || strings.Contains(got, "not told") {
			t.Errorf("all is told:\n%s", got)
		}
	})
}
