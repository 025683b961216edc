//go:build unix

package guardian_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian"
)

// relayVariable names the state directory, the server and the way to die of the program "teller".
const relayVariable = "GUARDIAN_TEST_RELAY"

const tales = 10

// teller is a program whose first worker sends requests and dies at once.
func teller() program {
	dir, rest, _ := strings.Cut(os.Getenv(relayVariable), "|")
	url, way, _ := strings.Cut(rest, "|")
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker"}},
		StateDir: dir, Relay: true, StopTimeout: 5 * time.Second, RestartPause: time.Millisecond,
	}
	return program{cfg, func(ctx context.Context, r guardian.Role) error {
		r.Ready()
		if os.Mkdir(filepath.Join(dir, "died"), 0o700) != nil {
			return serve(ctx, r)
		}
		client := http.Client{Transport: r.Transport}
		for i := range tales {
			answer, err := client.Post(url, "text/plain", strings.NewReader(fmt.Sprint("event ", i)))
			if err != nil {
				return err
			}
			if _ = answer.Body.Close(); answer.StatusCode != http.StatusAccepted {
				return fmt.Errorf("answer %s", answer.Status)
			}
		}
		ways()[way]()
		return nil
	}}
}

func TestRelay_WhatWasSaidBeforeDeathArrives(t *testing.T) {
	t.Parallel()
	var want []string
	for i := range tales {
		want = append(want, fmt.Sprint("event ", i))
	}
	for _, way := range []string{"child", "exit", "kill", "stack"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			heard := make(chan string, 10*tales)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				heard <- string(body)
			}))
			defer server.Close()
			dir := t.TempDir()
			if _, err := guardian.ReadRelayStats(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("before there is a guardian: %v", err)
			}
			g := start(t, "teller", relayVariable+"="+dir+"|"+server.URL+"|"+way)
			g.until(t, "role died")
			var got []string
			for range tales {
				select {
				case body := <-heard:
					got = append(got, body)
				case <-time.After(patience):
					t.Fatalf("only %q arrived", got)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
			g.signal(t, syscall.SIGTERM)
			if code := g.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if s, err := guardian.ReadRelayStats(dir); err != nil || s.Delivered != tales || s.Lost != 0 || s.At.IsZero() {
				t.Errorf("the relay's numbers are %+v: %v", s, err)
			}
		})
	}
}
