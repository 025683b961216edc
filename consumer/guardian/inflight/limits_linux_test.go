package inflight_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

func TestCreate_OnAFullFilesystemIsENOSPCAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); errors.Is(err, unix.EPERM) {
		t.Skip("a small filesystem cannot be mounted without privilege; run as root")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noError(t, unix.Unmount(dir, 0)) })
	if _, err := inflight.Create(inflight.Config{Dir: dir}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Create = %v, want ENOSPC", err)
	}
	if _, err := os.Stat(filepath.Join(dir, inflight.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part of the table was left behind: %v", err)
	}
}

func TestCreate_AllocatesOnDiskAndIsFrugalInMemory(t *testing.T) {
	t.Parallel()
	const whole = 64 << 20
	for name, tt := range map[string]struct {
		dir         string
		least, most int64
	}{
		"disk":   {t.TempDir(), whole, 80 << 20},
		"memory": {"", 0, 1 << 20},
	} {
		table, _ := pair(t, inflight.Config{Dir: tt.dir, Slots: 1024})
		var stat unix.Stat_t
		noError(t, unix.Fstat(int(table.File().Fd()), &stat))
		if got := stat.Blocks * 512; got < tt.least || got > tt.most {
			t.Errorf("%s: %d bytes are allocated, want %d to %d", name, got, tt.least, tt.most)
		}
	}
}

// Of the arena only touched pages may become resident, or every worker would weigh 64 MiB more.
func TestMapping_OnlyTouchedPagesAreResident(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"disk": t.TempDir(), "memory": ""} {
		table, mapping := pair(t, inflight.Config{Dir: dir, Slots: 1024})
		region := subscribe(t, mapping)
		for slot := range mapping.Slots() {
			region.Begin(slot, benchmarkMessage(1<<10))
		}
		fields := mapped(t, table.Read().Status.Address)
		// A page of the arena for each slot, the slots themselves, and the history.
		if got, most := fields["Rss"], uint64(8<<10); got == 0 || got > most {
			t.Errorf("%s: %d KiB are resident, want at most %d", name, got, most)
		}
		if flags := fields["dd"]; flags == 0 {
			t.Errorf("%s: the messages would be part of a core dump", name)
		}
	}
}

// mapped returns what the kernel says of the mapping at an address: sizes in KiB by name, and 1 for
// each flag.
func mapped(t *testing.T, address uint64) map[string]uint64 {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fields := map[string]uint64{}
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		name, isField := strings.CutSuffix(words[0], ":")
		switch {
		case !isField:
			inside = strings.HasPrefix(words[0], fmt.Sprintf("%x-", address))
		case inside && name == "VmFlags":
			for _, flag := range words[1:] {
				fields[flag] = 1
			}
		case inside:
			var kib uint64
			_, _ = fmt.Sscan(words[1], &kib)
			fields[name] = kib
		}
	}
	return fields
}

// A worker that cuts its own table, by mistake or malice, must not take the guardian along.
func TestMemory_CannotBeCut(t *testing.T) {
	t.Parallel()
	table, _ := pair(t, inflight.Config{Slots: 1})
	if err := table.File().Truncate(0); !errors.Is(err, unix.EPERM) {
		t.Errorf("Truncate = %v, want EPERM", err)
	}
}

func TestOpen_IsNotInherited(t *testing.T) {
	t.Parallel()
	table, err := inflight.Create(inflight.Config{Slots: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	fd, err := unix.Dup(int(table.File().Fd())) // as a child finds it: without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	inherited := os.NewFile(uintptr(fd), "inherited")
	defer inherited.Close()
	mapping, err := inflight.Open(inherited)
	if err != nil {
		t.Fatal(err)
	}
	defer mapping.Close()
	if flags, err := unix.FcntlInt(inherited.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %x, %v: children of the worker inherit the table", flags, err)
	}
}
