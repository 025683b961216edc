package demo_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestDemo_Refuses(t *testing.T) {
	t.Parallel()
	used := t.TempDir()
	if _, stderr, code := output(t, theriac(t, "demo", "--messages", "20", "--data-dir", used)); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	cloud := []string{"--engine", "pubsub+postgres"}
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"Argument", []string{"now"}, 2, `unexpected "now"`},
		{"Flag", []string{"--massages", "3"}, 2, "--massages"},
		{"TooFew", []string{"--messages", "19"}, 2, "want 20 to 1,000,000"},
		{"TooMany", []string{"--messages", "1000001"}, 2, "want 20 to 1,000,000"},
		{"Engine", []string{"--engine", "kafka"}, 2, "--engine takes embedded, pubsub+postgres"},
		{"StoreOfEmbedded", []string{"--store", "sqlite:x.db"}, 2, "--store and --broker are for --engine pubsub+postgres"},
		{"MigrateOfEmbedded", []string{"--migrate"}, 2, "--migrate is for --engine pubsub+postgres"},
		{"NoBroker", cloud, 2, "needs --broker pubsub://PROJECT"},
		{"OtherBroker", append(cloud, "--broker", "nats://localhost:4222"), 2, "needs --broker pubsub://PROJECT"},
		{"NoStore", append(cloud, "--broker", "pubsub://p"), 2, "needs --store postgres://"},
		{"OtherStore", append(cloud, "--broker", "pubsub://p", "--store", "sqlite:x.db"), 2, "needs --store postgres://"},
		{"StoreAway", append(cloud, "--broker", "pubsub://p", "--store", "postgres://ana:geheim@127.0.0.1:1/db"), 7, "cannot reach the store at 127.0.0.1:1"},
		{"StoreToMigrateAway", append(cloud, "--broker", "pubsub://p", "--store", "postgres://127.0.0.1:1/db", "--migrate"), 7, "cannot reach the store at 127.0.0.1:1"},
		{"Unwritable", []string{"--data-dir", "/proc/theriac"}, 2, "data directory /proc/theriac cannot be used"},
		{"OtherCount", []string{"--data-dir", used, "--messages", "30"}, 2, "holds a demo of 20 messages"},
		{"OtherEngine", append(cloud, "--broker", "pubsub://p", "--store", "postgres://127.0.0.1:1/db", "--data-dir", used), 2, "holds a demo on embedded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := theriac(t, append([]string{"demo"}, tt.args...)...)
			cmd.Dir = t.TempDir()
			stdout, stderr, code := output(t, cmd)
			if code != tt.code || !strings.Contains(stderr, tt.want) || stdout != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d and %q", code, stdout, stderr, tt.code, tt.want)
			}
			if strings.Contains(stderr, "geheim") {
				t.Error("the password is shown")
			}
			if lines := strings.Count(strings.TrimSpace(stderr), "\n"); lines > 1 {
				t.Errorf("the error takes %d lines: %q", lines+1, stderr)
			}
			if left, err := filepath.Glob(filepath.Join(cmd.Dir, "*")); err != nil || len(left) > 0 {
				t.Errorf("files are left: %v, %v", left, err)
			}
		})
	}
}
