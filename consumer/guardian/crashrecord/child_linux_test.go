package crashrecord

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// child is what this test binary does when it is a child of a test.
func child(job string) int {
	number, err := strconv.Atoi(os.Getenv(childNumber))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	d := Directory{Path: os.Getenv(childDirectory)}
	switch job {
	case "killed":
		d.disk = scriptedDisk{before: func(string) error {
			if number == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // until it arrives
			}
			number--
			return nil
		}}
	case "limited":
		limit := syscall.Rlimit{Cur: uint64(number), Max: uint64(number)}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	written, err := d.Write(sample())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(written.LeftOut)
	return 0
}

func startChild(t *testing.T, job, directory string, number int) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"="+job, childDirectory+"="+directory, childNumber+"="+strconv.Itoa(number))
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// TestWrite_Killed kills a writer before each call to the disk, and in the
// middle of each write: there is no record, or a whole one.
func TestWrite_Killed(t *testing.T) {
	t.Parallel()
	for i, call := range calls(t) {
		t.Run(fmt.Sprintf("%d %s", i, call), func(t *testing.T) {
			t.Parallel()
			d := Directory{Path: t.TempDir()}
			_, err := startChild(t, "killed", d.Path, i)
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed: %v", err)
			}
			listing, err := d.List()
			if err != nil || len(listing.Foreign) > 0 {
				t.Fatalf("%+v, %v", listing, err)
			}
			stands, begun := call == "sync directory", call != "create"
			if (len(listing.Records) == 1) != stands || (len(listing.Unfinished) == 1) != (begun && !stands) {
				t.Errorf("records %v, unfinished %v", listing.Records, listing.Unfinished)
			}
			if stands {
				want := sample()
				want.ID = listing.Records[0]
				checkStands(t, d, want)
			}
			if trimmed, err := d.Trim(); err != nil || trimmed.Unfinished != len(listing.Unfinished) {
				t.Errorf("cleaned up %+v, %v", trimmed, err)
			}
		})
	}
}

// TestWrite_FileSizeLimit runs a writer under a real limit.
func TestWrite_FileSizeLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]string{1 << 20: "[]", 600 << 10: "[dump]", 100 << 10: "[dump payloads]"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			d := Directory{Path: t.TempDir()}
			if got, err := startChild(t, "limited", d.Path, limit); err != nil || got != want {
				t.Fatalf("left out %s, want %s: %v", got, want, err)
			}
			listing, err := d.List()
			if err != nil || len(listing.Records) != 1 || len(listing.Unfinished) > 0 {
				t.Fatalf("%+v, %v", listing, err)
			}
			if _, damage, err := d.Read(listing.Records[0]); err != nil || damage.Any() {
				t.Errorf("%v, %+v", err, damage)
			}
		})
	}
}

// TestWrite_FullDisk fills a file system of its own.
func TestWrite_FullDisk(t *testing.T) {
	t.Parallel()
	for size, want := range map[int][]Part{1 << 20: nil, 600 << 10: {PartDump}, 100 << 10: {PartDump, PartPayloads}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			d := Directory{Path: t.TempDir()}
			if err := syscall.Mount("tmpfs", d.Path, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
				t.Skipf("a file system can only be mounted by root outside of most containers: %v", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(d.Path, 0); err != nil {
					t.Error(err)
				}
			})
			r := sample()
			written, err := d.Write(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, written.LeftOut); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
			checkRoom(t, d, r, written)
			full := sample()
			full.Messages = nil
			full.FirstBlock = make([]byte, MaxFirstBlock)
			for err == nil { // until nothing has room any more
				full.ID = NewID(full.Died)
				_, err = d.Write(full)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			checkThinsWithoutRoom(t, d)
		})
	}
}

// checkThinsWithoutRoom: cutting needs no space.
func checkThinsWithoutRoom(t *testing.T, d Directory) {
	t.Helper()
	d.MaxBytes = 1
	if _, err := d.Trim(); err != nil {
		t.Error(err)
	}
	listing, err := d.List()
	if err != nil || len(listing.Records) != 1 || len(listing.Unfinished) > 0 {
		t.Fatalf("%+v, %v", listing, err)
	}
	if r, damage, err := d.Read(listing.Records[0]); err != nil || damage.Any() || len(r.Dump) > 0 {
		t.Errorf("%v, %+v, dump of %d bytes", err, damage, len(r.Dump))
	}
}
