package quarantineslack

import (
	"testing"
	"time"
)

// TestBuildDeaths_Killers: the most different messages within any minute, in whatever order they come.
func TestBuildDeaths_Killers(t *testing.T) {
	t.Parallel()
	at := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	type death struct {
		second  int
		message string
	}
	for name, tt := range map[string]struct {
		deaths []death
		want   int
	}{
		"none":                  {nil, 0},
		"one again and again":   {[]death{{0, "a"}, {1, "a"}, {2, "a"}}, 1},
		"newest first":          {[]death{{40, "c"}, {20, "b"}, {0, "a"}}, 3},
		"a minute apart":        {[]death{{0, "a"}, {60, "b"}, {120, "c"}}, 1},
		"the window slides":     {[]death{{0, "a"}, {30, "b"}, {70, "c"}, {89, "d"}}, 3},
		"one leaves and stays":  {[]death{{0, "a"}, {50, "a"}, {61, "b"}, {62, "c"}}, 3},
		"one leaves altogether": {[]death{{0, "a"}, {61, "b"}, {62, "c"}}, 2},
	} {
		d := &buildDeaths{}
		for _, one := range tt.deaths {
			d.kills = append(d.kills, kill{at.Add(time.Duration(one.second) * time.Second), one.message})
		}
		if got := d.killers(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
