package natsjs

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer"
)

func TestHeld_Credit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		inHand  []int64 // sizes
		refused int64
		want    credit
		ok      bool
	}{
		{"Empty", nil, -1, credit{10, 800}, true},
		{"SomeInHand", []int64{100, 200}, -1, credit{8, 500}, true},
		{"CountUsedUp", make([]int64, 10), -1, credit{}, false},
		{"BytesUsedUp", []int64{800}, -1, credit{}, false},
		{"TooFewBytesToBotherTheBroker", []int64{750}, -1, credit{}, false},
		{"OneLargerThanTheLimitInHand", []int64{5000}, -1, credit{}, false},
		{"Refused_StillAsMuchInHand", []int64{400, 200}, 600, credit{}, false},
		{"Refused_HalfOfItGone", []int64{300}, 600, credit{9, 500}, true},
		{"Refused_NothingInHand_Alone", nil, 0, credit{1, 0}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHeld(consumer.Limits{MaxOutstanding: 10, MaxOutstandingBytes: 800})
			for _, size := range tt.inHand {
				if !h.add(&lease{held: h, size: size}, time.Now()) {
					t.Fatal("no place")
				}
			}
			got, ok := h.credit(tt.refused)
			if got != tt.want || ok != tt.ok {
				t.Errorf("credit = %+v, %v, want %+v, %v", got, ok, tt.want, tt.ok)
			}
			if !ok {
				h.remove(h.oldest)
				select {
				case <-h.freed:
				default:
					t.Error("nobody was told that something came free")
				}
			}
		})
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
				if n != len(unsettled) || h.count != len(inHand) || h.bytes != int64(len(inHand)) {
					t.Fatalf("list %d of %d, count %d and bytes %d of %d", n, len(unsettled), h.count, h.bytes, len(inHand))
				}
			},
		})
	})
}
