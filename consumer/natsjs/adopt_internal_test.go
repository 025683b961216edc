package natsjs

import (
	"strings"
	"testing"
)

// TestAdopt_RefusesWhatIsNoLeaseOfItsOwn: tokens come from the memory of processes that died.
func TestAdopt_RefusesWhatIsNoLeaseOfItsOwn(t *testing.T) {
	t.Parallel()
	s := &Source{cfg: Config{Stream: "ORDERS", Consumer: "worker"}}
	for _, token := range []string{
		"$JS.ACK.ORDERS.worker.1.2.3.4.5",
		"$JS.ACK.hub.account.ORDERS.worker.1.2.3.4.5",
		"$JS.ACK.hub.account.ORDERS.worker.1.2.3.4.5.random",
	} {
		if _, err := s.Adopt(token); err != nil {
			t.Errorf("its own lease %s is refused: %v", token, err)
		}
	}
	for name, token := range map[string]string{
		"nothing":            "",
		"another stream":     "$JS.ACK.PAYMENTS.worker.1.2.3.4.5",
		"another consumer":   "$JS.ACK.ORDERS.other.1.2.3.4.5",
		"names at the end":   "$JS.ACK.hub.account.PAYMENTS.other.1.2.3.4.5.ORDERS.worker.x",
		"names in front":     "$JS.ACK.ORDERS.worker.PAYMENTS.other.1.2.3.4.5",
		"NUL":                "$JS.ACK.ORDERS.worker.1.2.3.4.5\x00",
		"NUL in a token":     "$JS.ACK.hub.account.ORDERS.worker.1.2.3.4.5.\x00",
		"a line of its own":  "$JS.ACK.hub.account.ORDERS.worker.1.2.3.4.5.x\r\nPUB orders 1\r\nx",
		"a wildcard":         "$JS.ACK.hub.account.ORDERS.worker.1.2.3.4.5.*",
		"a megabyte":         "$JS.ACK.hub.account.ORDERS.worker.1.2.3.4.5." + strings.Repeat("x", 1<<20),
		"a megabyte of dots": "$JS.ACK." + strings.Repeat(".", 1<<20),
		"negative":           "$JS.ACK.ORDERS.worker.-1.2.3.4.5",
	} {
		if a, err := s.Adopt(token); err == nil {
			t.Errorf("%s: adopted %+v", name, a)
		} else if len(err.Error()) > 400 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}
