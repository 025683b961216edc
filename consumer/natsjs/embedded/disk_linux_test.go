package embedded_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer/natsjs/embedded"
)

func TestRun_EndsWhenTheDiskIsFull_AndNothingConfirmedIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("needs the right to mount a small file system (run as root outside a container): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	cfg := embedded.Config{Dir: dir, MinFree: 1 << 20, StoreLimit: 1 << 30}
	s := start(t, cfg)
	js := connect(t, dir)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	confirmed := fill(t, js)

	if err := s.Run(t.Context()); !errors.Is(err, embedded.ErrUnhealthy) {
		t.Errorf("Run = %v, want ErrUnhealthy", err)
	}
	_, err := embedded.Start(t.Context(), cfg)
	if _, ok := errors.AsType[*embedded.DiskFullError](err); !ok {
		t.Errorf("Start on the full disk = %v, want a *DiskFullError", err)
	}

	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	stream, err := connect(t, dir).Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	for seq := range confirmed {
		if _, err := stream.GetMsg(t.Context(), seq+1); err != nil {
			t.Errorf("confirmed message %d: %v", seq+1, err)
		}
	}
}

// fill publishes until the broker stops confirming and returns how often it did.
func fill(t *testing.T, js jetstream.JetStream) (confirmed uint64) {
	t.Helper()
	body := make([]byte, 1<<20)
	for range 16 {
		ack, err := js.PublishMsgAsync(newMsg("s", body))
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ack.Ok():
			confirmed++
		case err := <-ack.Err():
			t.Logf("after %d: %v", confirmed, err)
			return confirmed
		case <-time.After(time.Second):
			return confirmed
		}
	}
	t.Fatal("16 MiB fitted on a disk of 8 MiB")
	return 0
}
