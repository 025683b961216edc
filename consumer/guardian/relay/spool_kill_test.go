package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

// forwarderChild forwards what it reads from standard input to a host that never answers, says when
// it has read everything, and waits to be killed. One request fits into its memory.
func forwarderChild() int {
	f, err := relay.New(relay.Config{
		SpoolDir: os.Getenv(dirVariable), MemoryRequests: 2, RoundTripper: roundTrip(hang),
	})
	if err != nil {
		return fail(err)
	}
	err = runner.Run(context.Background(), f.Run, func(ctx context.Context) error {
		err := f.Read(ctx, os.Stdin)
		fmt.Println(f.Stats().Spooled)
		return err
	})
	return fail(err)
}

// hang is a host that takes a request and never answers.
func hang(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// frames returns what n requests to target look like in the pipe.
func frames(t testing.TB, target string, n int) []byte {
	t.Helper()
	var stream recorder
	transport, err := relay.NewTransport(&stream, relay.TransportConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := post(&http.Client{Transport: transport}, target, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	return stream.Bytes()
}

func TestForwarderKilled_SpoolSurvives(t *testing.T) {
	t.Parallel()
	server := newSink(t, 0)
	dir := filepath.Join(t.TempDir(), "state", "spool")
	cmd := child(t, "forwarder", []string{dirVariable + "=" + dir})
	cmd.Stdin = bytes.NewReader(frames(t, server.URL, requests))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	lines := readLines(t, out, 1, func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	})
	_ = cmd.Wait()
	if diff := cmp.Diff([]string{strconv.Itoa(requests - 1)}, lines); diff != "" {
		t.Fatalf("requests in the spool when it was killed: %s", diff)
	}
	checkPrivate(t, dir)

	files, err := filepath.Glob(filepath.Join(dir, "*.request"))
	if err != nil || len(files) != requests-1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	cutFile(t, files[0])
	plant(t, dir, "00000000000000000001-0000000000000000.request.tmp", "half a fr")
	plant(t, dir, "README", "not a file of the spool")
	f := newForwarder(t, relay.Config{SpoolDir: dir})
	stop := running(t, f)
	if err := f.Read(t.Context(), bytes.NewReader(frames(t, server.URL, 1))); err != nil {
		t.Error(err)
	}
	server.wait(t, requests-1)
	stop()
	var want []string // the first was in memory, the second is cut; what is read now comes last
	for i := range requests - 2 {
		want = append(want, strconv.Itoa(i+2))
	}
	if diff := cmp.Diff(append(want, "0"), server.seen()); diff != "" {
		t.Errorf("arrived, in order (-want +got):\n%s", diff)
	}
	wantStats := relay.Stats{Received: 1, Restored: requests - 2, Delivered: requests - 1, Cut: 1, Corrupt: 1}
	if diff := cmp.Diff(wantStats, f.Stats()); diff != "" {
		t.Error(diff)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "README" {
		t.Errorf("left in the spool: %v %v", left, err)
	}
}

func checkPrivate(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func cutFile(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()-1); err != nil {
		t.Fatal(err)
	}
}

func plant(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
