package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
)

// relaySilent is how old the numbers of a relay may be: its guardian renews them every 5 s.
const relaySilent = 30 * time.Second

// telemetry says what this machine's guardian could not deliver to error tracker and collector. Where
// there is no guardian, or none that relays, there is nothing to say.
func (d *doctor) telemetry() (_ finding, ok bool) {
	s, err := guardian.ReadRelayStats(d.stateDir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return finding{}, false
	case err != nil:
		return finding{levelFail, "telemetry", err.Error(), "make the directory readable for this user"}, true
	default:
		return telemetryOf(s, d.t.now()), true
	}
}

func telemetryOf(s guardian.RelayStats, now time.Time) finding {
	if ago := now.Sub(s.At); ago > relaySilent {
		text := fmt.Sprintf("no guardian relays now, the last was there %s ago", age(s.At, now))
		if s.Waiting == 0 {
			return finding{levelOK, "telemetry", text, ""}
		}
		return finding{levelWarn, "telemetry", fmt.Sprintf("%s; %s for error tracker or collector", text, plural(s.Waiting, "request waits", "requests wait")),
			"start the service: its guardian delivers what is not older than an hour"}
	}
	var said []string
	fix := ""
	for _, h := range s.Hosts {
		if h.Problem == "" || h.Waiting == 0 {
			continue
		}
		said = append(said, fmt.Sprintf("%s for %s: %s", plural(h.Waiting, "request waits", "requests wait"), h.Host, h.Problem))
		fix = "mend what it says; what waits is kept for an hour, and is delivered by itself"
	}
	damaged := s.Cut + s.Corrupt + s.TooLarge + s.Unknown
	if lost := s.Refused + s.GivenUp + s.Expired + s.Evicted + s.Lost + damaged; lost > 0 {
		said = append(said, fmt.Sprintf("%s dropped since %s: refused %d, given up %d, too old %d, no room %d, damaged %d",
			plural(int(min(lost, 1<<31)), "request was", "requests were"), s.Since.UTC().Format("2006-01-02 15:04Z"),
			s.Refused, s.GivenUp, s.Expired, s.Evicted+s.Lost, damaged))
		if fix == "" {
			fix = "see that error tracker and collector take what they are sent: key, address, size; the store has all of it"
		}
	}
	if len(said) > 0 {
		return finding{levelWarn, "telemetry", strings.Join(said, "; "), fix}
	}
	return finding{levelOK, "telemetry", fmt.Sprintf("%d requests delivered to error tracker and collector, nothing lost", s.Delivered), ""}
}
