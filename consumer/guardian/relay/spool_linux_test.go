package relay_test

import (
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/relay"
)

// mountSmall returns a directory on a filesystem of 64 KiB.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID, "size=64k,mode=0700"); err != nil {
		t.Skipf("a small filesystem cannot be mounted, run as root to test a full disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestSpool_DiskFullThenReadOnly(t *testing.T) {
	t.Parallel()
	dir := mountSmall(t)
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
		f := newForwarder(t, relay.Config{RoundTripper: h, MemoryRequests: 2, SpoolDir: dir})
		read(t, f, "http://h", 20)
		s := f.Stats()
		checkSum(t, s)
		if s.Spooled < 5 || s.Spooled > 8 || s.Lost != 19-s.Spooled || s.SpoolFailures != s.Lost {
			t.Errorf("64 KiB hold at most 8 requests of 4,276 bytes: %+v", s)
		}
		if files := names(t, dir); len(files) != int(s.Spooled) {
			t.Errorf("a file that did not fit was left behind: %v", files)
		}

		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		stop := running(t, f)
		synctest.Wait()
		stop()
		after := f.Stats()
		if after.Delivered != s.Spooled+1 || after.Waiting != 0 || after.SpoolFailures != s.SpoolFailures+s.Spooled {
			t.Errorf("delivered from a disk that became read-only: %+v", after)
		}
		if diff := cmp.Diff([]string{"0", "1", "2"}, h.ids()[:3]); diff != "" {
			t.Error(diff)
		}
	})
}
