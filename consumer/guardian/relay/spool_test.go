package relay_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/relay"
)

func TestSpool_DropsTheOldestWhenFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
		dir := t.TempDir()
		f := newForwarder(t, relay.Config{
			RoundTripper: h, SpoolDir: dir, MemoryRequests: 2, MaxRequestBytes: 8 << 10, SpoolBytes: 5 * 8 << 10,
		})
		read(t, f, "http://h", 12) // 1 stays in memory, of the other 11 each takes two blocks
		want := relay.Stats{
			Received: 12, Spooled: 11, Evicted: 6, Waiting: 6, MemoryBytes: 4276, SpoolBytes: 5 * 8 << 10,
			Hosts: []relay.HostStats{{Host: "http://h", Waiting: 6}},
		}
		s := f.Stats()
		want.MemoryBytes = s.MemoryBytes
		if diff := cmp.Diff(want, s); diff != "" || s.MemoryBytes < 4000 {
			t.Error(diff)
		}
		if files := names(t, dir); len(files) != 5 {
			t.Errorf("files: %v", files)
		}
		running(t, f)
		synctest.Wait()
		if diff := cmp.Diff([]string{"0", "7", "8", "9", "10", "11"}, h.ids()); diff != "" {
			t.Error(diff)
		}
		if files := names(t, dir); len(files) != 0 {
			t.Errorf("files: %v", files)
		}
	})
}

// TestSpool_RestartWithSmallerBounds keeps the newest of what it finds.
func TestSpool_RestartWithSmallerBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := spooled(t, 10)
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
		f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: dir, MaxRequestBytes: 8 << 10, SpoolBytes: 3 * 8 << 10})
		if s := f.Stats(); s.Restored != 10 || s.Evicted != 7 || s.Waiting != 3 {
			t.Errorf("%+v", s)
		}
		running(t, f)
		synctest.Wait()
		if diff := cmp.Diff([]string{"7", "8", "9"}, h.ids()); diff != "" {
			t.Error(diff)
		}
	})
}

// spooled returns a directory in which n requests wait.
func spooled(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	f := newForwarder(t, relay.Config{SpoolDir: dir})
	running(t, f)() // afterwards everything goes to the spool
	read(t, f, "http://h", n)
	if s := f.Stats(); s.Spooled != uint64(n) {
		t.Fatalf("%+v", s)
	}
	return dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		found = append(found, f.Name())
	}
	return found
}

// TestSpool_Hostile plants what a worker under the same user could: nothing of it stops the
// guardian or is followed out of the directory.
func TestSpool_Hostile(t *testing.T) {
	t.Parallel()
	dir := spooled(t, 2)
	good := names(t, dir)
	outside := filepath.Join(t.TempDir(), "outside")
	plant(t, filepath.Dir(outside), "outside", "precious")
	plant(t, dir, "0.request", "garbage")
	plant(t, dir, "1.request", "")
	plant(t, dir, "2.request", "")
	if err := os.Truncate(filepath.Join(dir, "2.request"), 1<<40); err != nil {
		t.Logf("no sparse files here, a large one is not tried: %v", err)
	}
	for name, target := range map[string]string{"3.request": outside, "4.request": good[0], "5.request.tmp": outside} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "6.request"), 0o700); err != nil {
		t.Fatal(err)
	}
	h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
	f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: dir})
	if s := f.Stats(); s.Restored != 2 || s.Corrupt != 6 || s.Cut != 1 || s.Waiting != 2 {
		t.Errorf("%+v", s)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "precious" {
		t.Errorf("the file outside: %q %v", b, err)
	}
	if diff := cmp.Diff(good, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestSpool_Broken has a spool that cannot be used: what fits into memory is delivered all the
// same, the rest is counted.
func TestSpool_Broken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		plant(t, dir, "file", "")
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
		f := newForwarder(t, relay.Config{RoundTripper: h, MemoryRequests: 8, SpoolDir: filepath.Join(dir, "file", "spool")})
		read(t, f, "http://h", 10)
		s := f.Stats()
		if s.Lost != 6 || s.SpoolFailures != 7 || s.Waiting != 4 {
			t.Errorf("%+v", s)
		}
		stop := running(t, f)
		synctest.Wait()
		stop()
		if diff := cmp.Diff([]string{"0", "1", "2", "3"}, h.ids()); diff != "" {
			t.Error(diff)
		}

		if err := os.Remove(filepath.Join(dir, "file")); err != nil {
			t.Fatal(err)
		}
		read(t, f, "http://h", 3) // nobody runs: these go to the disk, which is mended
		if s := f.Stats(); s.Spooled != 3 || s.SpoolFailures != 7 {
			t.Errorf("after the disk was mended: %+v", s)
		}
	})
}

// TestSpool_TakenAway removes the files under the Forwarder.
func TestSpool_TakenAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := spooled(t, 4)
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
		f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: dir})
		files := names(t, dir)
		if err := os.Remove(filepath.Join(dir, files[0])); err != nil {
			t.Fatal(err)
		}
		cutFile(t, filepath.Join(dir, files[1]))
		running(t, f)
		synctest.Wait()
		if diff := cmp.Diff([]string{"2", "3"}, h.ids()); diff != "" {
			t.Error(diff)
		}
		want := relay.Stats{Restored: 4, Delivered: 2, Lost: 2, SpoolFailures: 2}
		if diff := cmp.Diff(want, f.Stats()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestForwarderKilledWhileSpooling kills it at a random moment, many times over one directory: every
// file that is there is whole, or counted as cut.
func TestForwarderKilledWhileSpooling(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stream := frames(t, "http://h", 50)
	for round := range 10 {
		cmd := child(t, "forwarder", []string{dirVariable + "=" + dir})
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, cmd)
		before := len(names(t, dir))
		if _, err := in.Write(stream); err != nil {
			t.Error(err)
		}
		waitForFile(t, dir, before+round)
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	}
	whole, err := filepath.Glob(filepath.Join(dir, "*.request"))
	if err != nil {
		t.Fatal(err)
	}
	cut := len(names(t, dir)) - len(whole)
	f := newForwarder(t, relay.Config{SpoolDir: dir})
	s := f.Stats()
	if s.Restored != uint64(len(whole)) || s.Cut != uint64(cut) || s.Corrupt > 0 || len(whole) < 10 {
		t.Errorf("%d whole and %d cut files: %+v", len(whole), cut, s)
	}
	t.Logf("%s whole, %d cut", strconv.Itoa(len(whole)), cut)
}

// waitForFile spins, since nothing can be waited for in a directory, until it holds n files.
func waitForFile(t *testing.T, dir string, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		files, err := fs.ReadDir(os.DirFS(dir), ".")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > n {
			return
		}
	}
}

// TestRead_Garbage reads a stream of noise with requests in it.
func TestRead_Garbage(t *testing.T) {
	t.Parallel()
	noise := bytes.Repeat([]byte("\x1b[31mnoise \xf1TR\x00"), 1<<17)
	stream := bytes.Join([][]byte{noise, frames(t, "http://h", 2), noise}, nil)
	f := newForwarder(t, relay.Config{})
	if err := f.Read(t.Context(), bytes.NewReader(stream)); err != nil {
		t.Error(err)
	}
	if s := f.Stats(); s.Received != 2 || s.SkippedBytes != 2*uint64(len(noise)) {
		t.Errorf("%+v", s)
	}
}

// TestSpool_ClockSetBack finds requests of 26 years hence, since bubbles live in the year 2000: they
// age from now on.
func TestSpool_ClockSetBack(t *testing.T) {
	t.Parallel()
	dir := spooled(t, 2)
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return nil, errDown }}
		f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: dir})
		running(t, f)
		virtually(3 * time.Hour)
		if s := f.Stats(); s.Restored != 2 || s.Expired != 2 {
			t.Errorf("%+v", s)
		}
	})
}
