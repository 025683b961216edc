//go:build unix

package gcppubsub_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/consumertest"
)

// TestSource_ConformanceOnEmulator runs wherever gcloud beta emulators pubsub
// is installed.
func TestSource_ConformanceOnEmulator(t *testing.T) {
	t.Parallel()
	jar := findEmulator()
	if jar == "" {
		t.Skip("the Pub/Sub emulator is not installed (gcloud components install pubsub-emulator, and java)")
	}
	consumertest.RunSourceTests(t, &harness{
		addr:  startEmulator(t, jar),
		lease: 10 * time.Second, // it takes no shorter ones
		traits: consumertest.Traits{
			Bulk: 500,
			Deviations: map[string]string{
				"ReceiverDies_ItsMessagesReturnAfterTheLease": "about once in ten times the emulator keeps giving a message to the stream of the client that died",

				"filters":               "the emulator ignores filters",
				"OrderIsKeptWithinAKey": "after a nack the emulator sends the messages of a key in another order, or none for a minute",
			},
		},
	})
}

// findEmulator returns the emulator's jar, or "" where it or java is missing.
func findEmulator() string {
	if _, err := exec.LookPath("java"); err != nil {
		return ""
	}
	roots := []string{"/usr/lib/google-cloud-sdk", "/usr/share/google-cloud-sdk", "/opt/google-cloud-sdk"}
	if gcloud, err := exec.LookPath("gcloud"); err == nil {
		if real, err := filepath.EvalSymlinks(gcloud); err == nil {
			roots = append(roots, filepath.Dir(filepath.Dir(real)))
		}
	}
	for _, root := range roots {
		jars, _ := filepath.Glob(filepath.Join(root, "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"))
		if len(jars) > 0 {
			return jars[0]
		}
	}
	return ""
}

// startEmulator starts the emulator in a process group of its own and returns
// its address once it accepts connections.
func startEmulator(t *testing.T, jar string) string {
	t.Helper()
	addr := freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command("java", "-jar", jar, "--host="+host, "--port="+port, "--data-dir="+dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	if err := dialUntil(t, addr, time.Minute); err != nil {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("%v; it said:\n%s", err, said)
	}
	return addr
}

// freeAddr returns a loopback address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func dialUntil(t *testing.T, addr string, patience time.Duration) error {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-again.C:
		case <-late:
			return fmt.Errorf("the emulator at %s was not ready within %v: %w", addr, patience, err)
		}
	}
}
