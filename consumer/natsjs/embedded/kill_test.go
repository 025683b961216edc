package embedded_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer/natsjs/embedded"
)

// A broker process that is killed at any moment leaves nothing to clean up and
// loses nothing that it confirmed.
func TestServer_KilledProcess_LosesNothingConfirmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var confirmed uint64
	url := ""
	for round := range 3 {
		child := startChild(t, dir)
		if url != "" && child.url != url {
			t.Errorf("the broker was at %s and is at %s", url, child.url)
		}
		url = child.url
		_, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
		if held, ok := errors.AsType[*embedded.HeldError](err); !ok || held.PID != child.cmd.Process.Pid {
			t.Errorf("Start beside the child = %v, want a *HeldError that names process %d", err, child.cmd.Process.Pid)
		}
		js := connect(t, dir)
		if round == 0 {
			if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
				t.Fatal(err)
			}
		}
		confirmed = publishUntilKilled(t, js, child)
		if _, err := embedded.Find(dir); !errors.Is(err, embedded.ErrNotRunning) {
			t.Errorf("Find after the kill = %v, want ErrNotRunning", err)
		}
	}
	start(t, embedded.Config{Dir: dir})
	stream, err := connect(t, dir).Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	if last := stream.CachedInfo().State.LastSeq; last < confirmed {
		t.Errorf("the broker confirmed %d messages and has %d", confirmed, last)
	}
}

// publishUntilKilled kills child while messages are on their way to it, and
// returns the highest sequence that was confirmed.
func publishUntilKilled(t *testing.T, js jetstream.JetStream, child *child) (confirmed uint64) {
	t.Helper()
	const before = 20
	for range before {
		ack, err := js.Publish(t.Context(), "s", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		confirmed = ack.Sequence
	}
	var sent []jetstream.PubAckFuture
	for range 500 {
		one, err := js.PublishAsync("s", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, one)
	}
	child.kill(t)
	for _, one := range sent {
		select {
		case ack := <-one.Ok():
			confirmed = ack.Sequence
		case <-one.Err(): //nolint:errcheck // the broker was killed: whatever it says
			return confirmed
		}
	}
	return confirmed
}

// child is a broker in a process of its own.
type child struct {
	cmd *exec.Cmd
	url string
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd}
	t.Cleanup(func() { c.kill(t) })
	if c.url, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the child ended before it was ready: %v", err)
	}
	c.url = strings.TrimSpace(c.url)
	return c
}

// kill ends the child as SIGKILL does. It may be called again.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if c.cmd.ProcessState != nil {
		return
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := c.cmd.Wait(); err == nil {
		t.Error("the killed child ended well")
	}
}
