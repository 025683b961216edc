package pgtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	// The server may be gone by then, and so the connection.
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func write(t *testing.T, url, word string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), "INSERT INTO word VALUES ($1)", word); err != nil {
		t.Fatal(err)
	}
}

func words(t *testing.T, url string) []string {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), "SELECT text FROM word ORDER BY text")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func checkWords(t *testing.T, url string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, words(t, url)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestShared_DatabasesAreMigratedAndApart(t *testing.T) {
	t.Parallel()
	a, b := postgres.Database(t), postgres.Database(t)
	write(t, a, "of a")
	checkWords(t, a, "migrated", "of a")
	checkWords(t, b, "migrated")
}

func TestShared_DropsTheDatabaseOfAnEndedTest(t *testing.T) {
	t.Parallel()
	var gone string
	t.Run("user", func(t *testing.T) {
		gone = postgres.Database(t)
		connect(t, gone)
	})
	conn, err := pgx.Connect(t.Context(), gone)
	if err == nil {
		t.Fatal(errors.Join(errors.New("the database is still there"), conn.Close(t.Context())))
	}
}

func TestServer_NoSyncIsAChoice(t *testing.T) {
	t.Parallel()
	fsync := func(server *pgtest.Server) (on string) {
		if err := connect(t, server.URL("postgres")).QueryRow(t.Context(), "SHOW fsync").Scan(&on); err != nil {
			t.Fatal(err)
		}
		return on
	}
	if got := fsync(postgres.Server(t)); got != "off" {
		t.Errorf("with NoSync fsync is %s", got)
	}
	if got := fsync(pgtest.Start(t, pgtest.Options{})); got != "on" {
		t.Errorf("by default fsync is %s", got)
	}
}

func TestServer_StopAndRestart(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{NoSync: true, Migrate: migrate})
	db := server.Database(t)
	open := connect(t, db)
	write(t, db, "committed")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("the second Stop: %v", err)
	}
	if err := open.Ping(t.Context()); err == nil {
		t.Error("a connection outlived Stop")
	}
	for range 2 { // once when stopped, once when running
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkWords(t, db, "committed", "migrated")
	}
}

func TestServer_RestartAfterTheServerWasKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{NoSync: true, Migrate: migrate})
	db := server.Database(t)
	write(t, db, "committed")
	pid, err := server.PID()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkWords(t, db, "committed", "migrated")
}

func TestServer_TCP(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{NoSync: true, TCP: true, Migrate: migrate})
	db := server.Database(t)
	checkWords(t, db, "migrated")
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkWords(t, db, "migrated")

	address, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	if address.Hostname() != "127.0.0.1" {
		t.Errorf("the server listens on %s", address.Hostname())
	}
	address.User = url.UserPassword("postgres", "wrong")
	if conn, err := pgx.Connect(t.Context(), address.String()); err == nil {
		t.Error(errors.Join(errors.New("a wrong password was accepted"), conn.Close(t.Context())))
	}
}

func TestLaunch_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options pgtest.Options
		want    string
	}{
		{"BadSetting", pgtest.Options{Settings: []string{"no_such_setting=1"}}, "no_such_setting"},
		{"BadMigration", pgtest.Options{NoSync: true, Migrate: func(context.Context, string) error {
			return errors.New("step 3 is wrong")
		}}, "migrate the template database: step 3 is wrong"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, err := pgtest.Launch(t.Context(), tt.options)
			if err == nil {
				t.Fatal(errors.Join(errors.New("it was launched"), server.Close()))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %q, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestServer_CloseRemovesEverything(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Launch(t.Context(), pgtest.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	pid, err := server.PID()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
	if !gone(pid, server.Dir()) {
		t.Errorf("process %d or %s is still there", pid, server.Dir())
	}
}

// TestServer_DiesWithItsUser kills a process that launched a server, which thus gets no chance to
// clean up, and waits for the server and its files to be gone.
func TestServer_DiesWithItsUser(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), beOrphaned+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child launched
	errDecode := json.NewDecoder(stdout).Decode(&child)
	if errDecode == nil {
		connect(t, child.URL)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	if errDecode != nil {
		t.Fatal(errDecode)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !gone(child.PID, child.Dir) {
		select {
		case <-tick.C: // the end of a stranger's process and the removal of its files send no event
		case <-deadline:
			t.Fatalf("process %d or %s outlived its user", child.PID, child.Dir)
		}
	}
}

func gone(pid int, dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, os.ErrNotExist) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
