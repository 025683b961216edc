package relay_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer/guardian/relay"
)

// take hands f one request that begins with its number.
func take(t *testing.T, f *relay.Forwarder, target string, number, size int) {
	t.Helper()
	var stream recorder
	transport, err := relay.NewTransport(&stream, relay.TransportConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := post(&http.Client{Transport: transport}, target, strconv.Itoa(number)+"\n"+strings.Repeat("x", size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(t.Context(), bytes.NewReader(stream.Bytes())); err != nil {
		t.Fatal(err)
	}
}

// TestOutage_AnHourLosesNothing: 12 KiB a second for a host that is down in one of three ways, which is
// an event with a long stack each second, while another host that is down floods the spool.
func TestOutage_AnHourLosesNothing(t *testing.T) {
	t.Parallel()
	const every = 2 * time.Second
	const events, size = int(time.Hour / every), 12 << 10 * int(every/time.Second)
	for name, down := range map[string]func() (*http.Response, error){
		"silent":      func() (*http.Response, error) { return nil, errors.New("connection refused") },
		"unavailable": func() (*http.Response, error) { return answer(http.StatusServiceUnavailable), nil },
		"broken":      func() (*http.Response, error) { return answer(http.StatusBadGateway), nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var up atomic.Bool
				h := &hosts{answer: func(req *http.Request, _ string) (*http.Response, error) {
					if up.Load() && req.URL.Host == "sentry" {
						return answer(http.StatusOK), nil
					}
					return down()
				}}
				// The real disk takes part, so that the bound of the spool is the real one.
				f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: t.TempDir()})
				stop := running(t, f)
				defer stop()
				for i := range events {
					take(t, f, "http://sentry", i, size)
					if i%10 == 0 {
						take(t, f, "http://collector", i, 20*size)
					}
					virtually(every)
				}
				up.Store(true)
				virtually(30 * time.Minute)
				var got []string
				s := f.Stats()
				for _, try := range h.seen() {
					if try.Host == "sentry" {
						got = append(got, try.ID)
					}
				}
				slices.Sort(got)
				got = slices.Compact(got)
				checkSum(t, s)
				waiting := 0
				for _, host := range s.Hosts {
					if host.Host == "http://sentry" {
						waiting = host.Waiting
					}
				}
				if s.Delivered != uint64(events) || len(got) != events || waiting != 0 || s.Lost+s.GivenUp+s.Expired+s.Refused != 0 {
					t.Errorf("%d of %d delivered, %d wait: %+v", s.Delivered, events, waiting, s)
				}
			})
		})
	}
}
