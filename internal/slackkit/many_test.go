package slackkit_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// TestClient_ThousandsOfChannels makes, describes, fills and finds them, as a simulation does.
//
// It does not run beside others, some of which are about half a second.
func TestClient_ThousandsOfChannels(t *testing.T) {
	const many, at = 1500, 4
	s := fake(t, slackfake.Config{Bounds: slackfake.Bounds{Channels: many + 1, Messages: 5, Calls: 10}})
	c := client(t, s, func(cfg *slackkit.Config) { cfg.Allowance = 1e6 }).Share(slackkit.Critical)
	var making sync.WaitGroup
	for part := range at {
		making.Go(func() {
			for i := part; i < many; i += at {
				made, err := c.CreateChannel(t.Context(), fmt.Sprintf("inc-%d", i), i%2 == 0)
				if err == nil {
					err = c.SetPurpose(t.Context(), made.ID, fmt.Sprint(i))
				}
				if err == nil {
					_, err = c.Post(t.Context(), made.ID, slackkit.Message{Text: "x", Mark: slackkit.Mark{Type: "headline", Key: fmt.Sprint(i)}})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	making.Wait()
	found, there, err := c.FindChannel(t.Context(), fmt.Sprintf("inc-%d", many-1))
	if err != nil || !there || found.Purpose != fmt.Sprint(many-1) {
		t.Fatalf("found %+v, %v, %v", found, there, err)
	}
	if _, there, err := c.FindPost(t.Context(), found.ID, "headline", fmt.Sprint(many-1)); !there || err != nil {
		t.Errorf("found %v, %v", there, err)
	}
	if n := s.Done("conversations.create"); n != many {
		t.Errorf("%d channels were made", n)
	}
}
