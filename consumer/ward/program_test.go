//go:build unix

package ward

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// programVariable names the state directory of the program that the test binary plays instead of testing:
// a worker that says what earlier deaths left to it, and what its ward answers.
const programVariable = "WARD_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(programVariable); dir != "" {
		os.Exit(play(dir))
	}
	os.Exit(m.Run())
}

func play(dir string) int {
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "web"}, {Name: "worker", Slots: 4, Wards: 1}, {Name: "other", Slots: 1, Wards: -1}},
		StateDir: dir, StopTimeout: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if err := guardian.Run(context.Background(), cfg, playRole); err != nil {
		fmt.Println("guardian returned:", err)
		return 1
	}
	return 0
}

func playRole(ctx context.Context, r guardian.Role) error {
	switch {
	case r.Ward:
		return playWard(ctx, r)
	case r.Name != "worker":
		return playOther(ctx, r)
	}
	w, err := Open(r, Config{Logger: slog.New(slog.NewTextHandler(os.Stdout, nil)), OnCrash: func(_ context.Context, c handlers.Crash) error {
		fmt.Println("told of", c.ID)
		if c.Role == "web" {
			fmt.Println("web died:", c.Text)
		}
		return nil
	}, OnEnded: func(_ context.Context, c handlers.Crash) error {
		fmt.Println("ended", c.ID, len(c.InFlight), c.InFlight[0].TraceID)
		return nil
	}})
	if err != nil {
		return err
	}
	w.lookAgain()
	for _, id := range hidden(dirOf(r)) {
		fmt.Println("taken in", takenIn(w, id), "times")
	}
	if err := os.Rename(filepath.Join(dirOf(r), "web waits"), filepath.Join(dirOf(r), "web dies")); err != nil && !os.IsNotExist(err) {
		return err
	}
	r.Ready()
	left := w.Suspects("orders")
	for _, s := range left.Messages {
		text, err := json.Marshal(found{ID: s.Message.ID, Copy: s.HasCopy, Token: len(s.Token), Charged: s.Named != nil})
		if err != nil {
			return err
		}
		fmt.Printf("suspect %s\n", text)
	}
	fmt.Println("bystanders", len(left.Bystanders))
	var telling runner.Group
	telling.Go(func() { _ = w.Run(ctx) })
	for _, s := range left.Messages {
		s.Settled()
	}
	for n := range len(damagedBodies()) + 1 {
		result, err := w.RunAlone(ctx, consumer.AloneRun{Subscription: "orders", Message: handlers.Message{ID: "m"}, Limit: time.Minute})
		fmt.Printf("run %d: outcome %s, error %v\n", n, result.Attempt.Outcome, err)
	}
	<-ctx.Done()
	telling.Wait()
	return nil
}

// hidden moves what waits beside the crash records to them, and returns their ids.
func hidden(dir string) (ids []string) {
	waiting, _ := filepath.Glob(filepath.Join(dir, "hidden", "*.crash"))
	for _, path := range waiting {
		if os.Rename(path, filepath.Join(dir, "deaths", filepath.Base(path))) == nil {
			ids = append(ids, idOf(path))
		}
	}
	return ids
}

// takenIn has many find a record at once, and counts how often it is known then.
func takenIn(w *Ward, id string) int {
	var finders runner.Group
	begin := make(chan struct{})
	for range 16 {
		finders.Go(func() { <-begin; w.foundRecord(id) })
	}
	close(begin)
	finders.Wait()
	return len(w.records)
}

func dirOf(r guardian.Role) string { return filepath.Dir(r.DeathsDir()) }

// playOther is a role whose deaths are not the worker's. The web server dies once it finds out that it
// should.
func playOther(ctx context.Context, r guardian.Role) error {
	r.Ready()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if r.Name == "web" && os.Remove(filepath.Join(dirOf(r), "web dies")) == nil {
			panic("the web is torn")
		}
	}
}

// found is what the program says of a suspect.
type found struct {
	ID            string
	Copy, Charged bool
	Token         int
}

// damagedBodies are what the program's ward answers, before it answers well.
func damagedBodies() [][]byte {
	whole, _ := encode(someAnswer())
	unknown := someAnswer()
	unknown.Attempt.Outcome = 99
	strange, _ := encode(unknown)
	return [][]byte{nil, []byte("garbage"), whole[:len(whole)/2], strange, make([]byte, 10<<20)}
}

func playWard(ctx context.Context, r guardian.Role) error {
	n := 0
	return r.ServeAlone(ctx, func(context.Context, []byte) ([]byte, bool, bool) {
		bodies := damagedBodies()
		if n++; n <= len(bodies) {
			return bodies[n-1], false, false
		}
		good, _ := encode(someAnswer())
		return good, false, false
	})
}

// output is what a program said, line by line, until it ended.
func runProgram(t *testing.T, dir, last string) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"="+dir, "THERIAC_GUARDIAN=on")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	said := bufio.NewScanner(out)
	said.Buffer(nil, 4<<20)
	for said.Scan() {
		lines = append(lines, said.Text())
		if strings.HasPrefix(said.Text(), last) {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v:\n%.5000s", err, strings.Join(lines, "\n"))
	}
	return lines
}

// keep writes a crash record that names its message, with one suspect beside it.
func keep(t *testing.T, dir, id, role string, change func(*crashrecord.Record)) (path string) {
	t.Helper()
	attempt := func(slot, id string) crashrecord.Attempt {
		return crashrecord.Attempt{Slot: crashrecord.Text(slot), Subscription: "orders", ID: crashrecord.Text(id), Attempt: 1, Started: died}
	}
	message := func(slot, id string) crashrecord.Message {
		return crashrecord.Message{
			Slot: slot, Flags: crashrecord.FlagWhole, ID: []byte(id), Data: []byte("data of " + id), AckToken: []byte("token"),
			Attributes: crashrecord.PackAttributes(map[string]string{"kind": "order"}),
		}
	}
	culprit := attempt("1.1", id+"-culprit")
	culprit.Deaths = 1
	r := crashrecord.Record{
		Metadata: crashrecord.Metadata{
			ID: crashrecord.NewID(died), Role: crashrecord.Text(role), Died: died, Exit: "exit code 2", Kind: "panic", Tier: "A",
			Culprit: &culprit, Suspects: []crashrecord.Attempt{attempt("1.2", id+"-suspect")},
		},
		FirstBlock: []byte(block),
		Messages:   []crashrecord.Message{message("1.1", id+"-culprit"), message("1.2", id+"-suspect")},
	}
	if change != nil {
		change(&r)
	}
	written, err := crashrecord.Directory{Path: filepath.Join(dir, "deaths")}.Write(r)
	if err != nil {
		t.Fatal(err)
	}
	return written.Path
}
