package natsjs

import "testing"

func TestPlan(t *testing.T) {
	t.Parallel()
	limit := usage{100, 8000}
	tests := []struct {
		name string
		s    situation
		want usage
		ok   bool
	}{
		{"Empty_Half", situation{}, usage{50, 4000}, true},
		{"OthersOpen_HalfOfTheRest", situation{promised: usage{50, 4000}}, usage{25, 2000}, true},
		{"OthersOpen_TooLittleLeft", situation{promised: usage{50, 4000}, inHand: usage{45, 0}}, usage{}, false},
		{"NothingOpen_LittleIsEnough", situation{inHand: usage{99, 0}}, usage{1, 4000}, true},
		{"CountUsedUp", situation{inHand: usage{100, 0}}, usage{}, false},
		{"CountPromised", situation{inHand: usage{40, 0}, promised: usage{60, 0}}, usage{}, false},
		{"BytesUsedUp", situation{inHand: usage{1, 8000}}, usage{}, false},
		{"OneLargerThanTheLimitInHand", situation{inHand: usage{1, 50_000}}, usage{}, false},
		{"TooFewBytesToBotherTheBroker", situation{inHand: usage{1, 7500}}, usage{}, false},
		{"Refused_AllTheRoom", situation{appetite: whole, inHand: usage{10, 1000}}, usage{90, 7000}, true},
		{"Refused_NotBesideOthers", situation{appetite: whole, promised: usage{1, 10}}, usage{}, false},
		{"RefusedAgain_StillAsMuchInHand", situation{appetite: wait, refused: 6000, inHand: usage{10, 4000}}, usage{}, false},
		{"RefusedAgain_HalfOfItGone", situation{appetite: wait, refused: 6000, inHand: usage{10, 3000}}, usage{90, 5000}, true},
		{"RefusedAgain_NothingInHand_Alone", situation{appetite: wait, refused: 6000}, usage{1, 0}, true},
		{"RefusedAgain_NotBesideOthers", situation{appetite: wait, promised: usage{1, 0}}, usage{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.s.limit = limit
			got, ok := plan(tt.s)
			if got != tt.want || ok != tt.ok {
				t.Errorf("plan = %+v, %v, want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

// Whatever is in hand and promised, a request must never promise more than
// there is room for, and with nothing in hand and nothing open there is one.
func TestPlan_KeepsWithinTheLimit(t *testing.T) {
	t.Parallel()
	limit := usage{7, 100}
	for inHand := range 8 {
		for promised := range 8 - inHand {
			for bytes := range int64(120) {
				for _, a := range []appetite{share, whole, wait} {
					s := situation{limit: limit, inHand: usage{inHand, bytes}, promised: usage{promised, 10}, appetite: a, refused: 50}
					ask, ok := plan(s)
					switch {
					case ok && inHand+promised+ask.count > limit.count:
						t.Fatalf("plan(%+v) = %+v", s, ask)
					case ok && ask.bytes > 0 && bytes+10+ask.bytes > limit.bytes:
						t.Fatalf("plan(%+v) = %+v", s, ask)
					case !ok && inHand == 0 && promised == 0 && bytes == 0:
						t.Fatalf("plan(%+v) asks for nothing", s)
					}
				}
			}
		}
	}
}
