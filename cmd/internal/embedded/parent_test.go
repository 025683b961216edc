package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/embedded"
	broker "github.com/theriac/theriac/consumer/natsjs/embedded"
)

// holdForever is the parent in TestParentKilled: it claims, starts, reports and waits.
func holdForever(dir string) int {
	if _, err := embedded.Claim(dir, "test parent"); err != nil {
		fmt.Println(err)
		return 1
	}
	path, err := os.Executable()
	if err != nil {
		return 1
	}
	b, err := embedded.Start(context.Background(), embedded.Config{Executable: path, Dir: config.BrokerDir(dir)})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(b.Endpoint()); err != nil {
		return 1
	}
	select {}
}

// startParent starts a parent process and returns it with its broker.
func startParent(t *testing.T, dir string) (*exec.Cmd, broker.Endpoint) {
	t.Helper()
	cmd := exec.Command(self(t), holderCommand, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already
		_ = cmd.Wait()         // it was killed
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var e broker.Endpoint
	if err := json.Unmarshal(line, &e); err != nil {
		t.Fatalf("the parent said %q", line)
	}
	return cmd, e
}
