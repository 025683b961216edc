package natsjs

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer"
)

func TestHeld_TellsOfTheNextRemoval(t *testing.T) {
	t.Parallel()
	h := newHeld(consumer.Limits{MaxOutstanding: 3, MaxOutstandingBytes: 1})
	for range 3 {
		h.add(&lease{held: h, size: 7}, time.Now())
	}
	h.remove(h.oldest)
	select {
	case <-h.freed:
		t.Error("told though nobody asked")
	default:
	}
	if got := h.inUse(true); got != (usage{2, 14}) {
		t.Errorf("in use %+v", got)
	}
	h.remove(h.oldest)
	h.remove(h.oldest)
	<-h.freed
	select {
	case <-h.freed:
		t.Error("told twice")
	default:
	}
}

// The list must hold exactly what is in hand and not settled, oldest touch first.
func TestHeld_ListIsWhatIsUnsettled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHeld(consumer.Limits{MaxOutstanding: 8, MaxOutstandingBytes: 100})
		var inHand []*lease
		unsettled := map[*lease]bool{}
		now := time.Unix(0, 0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				now = now.Add(time.Second)
				l := &lease{held: h, size: 1}
				if added := h.add(l, now); added != (len(inHand) < 8) {
					t.Fatalf("add = %v with %d in hand", added, len(inHand))
				} else if added {
					inHand = append(inHand, l)
					unsettled[l] = true
				}
			},
			"settle": func(t *rapid.T) {
				if len(inHand) == 0 {
					t.Skip("nothing in hand")
				}
				l := rapid.SampledFrom(inHand).Draw(t, "lease")
				h.settled(l)
				delete(unsettled, l)
			},
			"remove": func(t *rapid.T) {
				if len(inHand) == 0 {
					t.Skip("nothing in hand")
				}
				i := rapid.IntRange(0, len(inHand)-1).Draw(t, "lease")
				h.remove(inHand[i])
				delete(unsettled, inHand[i])
				inHand = append(inHand[:i:i], inHand[i+1:]...)
			},
			"": func(t *rapid.T) {
				n, last := 0, time.Time{}
				for l := h.oldest; l != nil; l = l.newer {
					if !unsettled[l] || l.touched.Before(last) || l.newer == nil && h.newest != l {
						t.Fatalf("the list is out of order or holds what it should not")
					}
					n, last = n+1, l.touched
				}
				if n != len(unsettled) || h.now != (usage{len(inHand), int64(len(inHand))}) {
					t.Fatalf("list %d of %d, in use %+v of %d", n, len(unsettled), h.now, len(inHand))
				}
			},
		})
	})
}
