//go:build unix

package guardian_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/internal/runner"
)

// lonelyVariable names the state directory of the program "lonely", and what its worker has run alone:
// words with commas between, after the directory and a |.
const lonelyVariable = "GUARDIAN_TEST_LONELY"

// lonely is a program whose worker has messages run alone, and says what came of each.
func lonely() program {
	dir, script, _ := strings.Cut(os.Getenv(lonelyVariable), "|")
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 4, Wards: 2}},
		StateDir: dir, StopTimeout: 5 * time.Second, RestartPause: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if os.Getenv("GUARDIAN_TEST_WARD") == "stuck" {
		cfg.Roles[0].ReadyTimeout = 2 * time.Second // the worker's, too
	}
	return program{cfg, func(ctx context.Context, r guardian.Role) error {
		if r.Ward {
			return serveWard(ctx, r)
		}
		r.Ready()
		say(r, "up")
		var asking runner.Group
		for i, word := range strings.Split(script, ",") {
			asking.Go(func() { say(r, askAlone(ctx, r, strconv.Itoa(i)+":"+word)) })
		}
		<-ctx.Done()
		asking.Wait()
		return nil
	}}
}

// askAlone has a ward run a message and describes what came of it.
func askAlone(ctx context.Context, r guardian.Role, body string) string {
	limit := time.Minute
	if strings.HasSuffix(body, "sleep") && os.Getenv("GUARDIAN_TEST_WARD") != "slow" {
		limit = 500 * time.Millisecond
	}
	answer, err := r.RunAlone(ctx, guardian.AloneRequest{
		Subscription: "orders", Fresh: strings.Contains(body, "fresh"), Limit: limit, Body: []byte(body),
	})
	switch d := answer.Death; {
	case errors.Is(err, guardian.ErrNoWard):
		return body + " refused: " + err.Error()
	case err != nil:
		return body + " failed: " + err.Error()
	case d != nil:
		return fmt.Sprintf("%s died fresh=%t charged=%t hung=%t record=%t exit=%q kind=%q text=%q stack=%t",
			body, answer.Fresh, d.Charged, d.Hung, d.Record != "", d.Exit, d.Kind, d.Text, strings.Contains(d.Stack, "guardian_test.ways"))
	default:
		return fmt.Sprintf("%s answered %s fresh=%t", body, answer.Body, answer.Fresh)
	}
}

// serveWard runs the words.
func serveWard(ctx context.Context, r guardian.Role) error {
	switch os.Getenv("GUARDIAN_TEST_WARD") {
	case "broken":
		return errors.New("no handlers here")
	case "stuck":
		select {}
	}
	region, err := r.InFlight.Subscribe("orders", 1)
	if err != nil {
		return err
	}
	return r.ServeAlone(ctx, func(ctx context.Context, body []byte) ([]byte, bool, bool) {
		id, word, _ := strings.Cut(string(body), ":")
		word = strings.TrimPrefix(word, "fresh ")
		if os.Getenv("GUARDIAN_TEST_WARD") == "slow" {
			say(r, "runs "+word)
		}
		if way, mortal := ways()[word]; mortal {
			flight(ctx, region, 0, id, way, inflight.InWard)
			<-ctx.Done()
		}
		return fmt.Appendf(nil, "by %d", os.Getpid()), true, word == "spent"
	})
}

func startLonely(t *testing.T, script string, env ...string) (g *guarded, dir string) {
	t.Helper()
	dir = t.TempDir()
	return start(t, "lonely", append(env, lonelyVariable+"="+dir+"|"+script)...), dir
}

func (g *guarded) end(t *testing.T) {
	t.Helper()
	g.signal(t, syscall.SIGTERM)
	if code := g.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestWards_ADeathAloneIsToldWithProof(t *testing.T) {
	t.Parallel()
	for way, want := range map[string][]string{
		"child": {"charged=true", "hung=false", "record=true", `kind="panic"`, `text="panic: poison`, "stack=true"},
		"exit":  {"charged=true", "record=true", `exit="exit code 1"`},
		"kill":  {"charged=true", "record=true", `exit="signal killed"`},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			g, dir := startLonely(t, way)
			g.until(t, append([]string{"0:" + way + " died fresh=true"}, want...)...)
			g.end(t)
			deaths := crashrecord.Directory{Path: dir + "/deaths"}
			list, err := deaths.List()
			if err != nil || len(list.Records) != 1 {
				t.Fatalf("records %v, %v", list, err)
			}
			record, _, err := deaths.Read(list.Records[0])
			if err != nil || !record.Alone || string(record.Role) != "worker" {
				t.Errorf("alone %t, role %s, %v; want the ward's own death", record.Alone, record.Role, err)
			}
		})
	}
}

// TestWards_ManyAndMortal: more messages than wards, some of them mortal; each gets an answer of its own.
func TestWards_ManyAndMortal(t *testing.T) {
	t.Parallel()
	var script []string
	for i := range 30 {
		word := []string{"live", "live", "exit", "spent", "fresh live", "child"}[i%6]
		script = append(script, word)
	}
	g, _ := startLonely(t, strings.Join(script, ","))
	for range script {
		line := g.until(t, ":") // any answer, or a line of the guardian
		for !strings.Contains(line, "answered") && !strings.Contains(line, " died fresh=") {
			line = g.until(t, ":")
		}
		body, said, _ := strings.Cut(line[strings.Index(line, "guarded=true ")+len("guarded=true "):], " ")
		_, word, _ := strings.Cut(body, ":")
		mortal := word == "exit" || word == "child"
		if mortal != strings.HasPrefix(said, "died") {
			t.Errorf("%s: %s", body, said)
		}
		if word == "fresh" && !strings.HasSuffix(line, "fresh=true") {
			t.Errorf("a fresh ward was asked for: %s", line)
		}
	}
	g.end(t)
}

func TestWards_HangIsEndedAndTold(t *testing.T) {
	t.Parallel()
	g, _ := startLonely(t, "sleep")
	g.until(t, "0:sleep died", "hung=true", "charged=false")
	g.end(t)
}

func TestWards_ThatCannotStartRefuse(t *testing.T) {
	t.Parallel()
	g, _ := startLonely(t, "live", "GUARDIAN_TEST_WARD=broken")
	g.until(t, "0:live refused", "no ward", "before they are ready")
	g.end(t)
}

func TestWards_ThatAreNeverReadyRefuse(t *testing.T) {
	t.Parallel()
	g, _ := startLonely(t, "live", "GUARDIAN_TEST_WARD=stuck")
	worker := pid(t, g.until(t, " up"))
	g.until(t, "0:live refused", "no ward", "before they are ready", "signal killed")
	if !lives(worker) {
		t.Error("the worker was ended")
	}
	g.end(t)
}

// TestWards_ToldToEndAlone: somebody signals a ward while it runs a message. That is nobody's fault, and the
// worker hears of it: of the answer, if there was still time for one.
func TestWards_ToldToEndAlone(t *testing.T) {
	t.Parallel()
	g, _ := startLonely(t, "sleep", "GUARDIAN_TEST_WARD=slow")
	ward := pid(t, g.until(t, "runs sleep"))
	if err := syscall.Kill(ward, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	line := g.until(t, "0:sleep ")
	if !strings.Contains(line, "answered") && !containsAll(line, []string{"died", "charged=false", "hung=false", "record=false"}) {
		t.Errorf("its worker is told %s", line)
	}
	g.end(t)
}

func TestWards_DieWithTheirWorkerAndGuardian(t *testing.T) {
	t.Parallel()
	g, _ := startLonely(t, "live")
	g.until(t, "0:live answered")
	// The used one makes room for a warm one.
	ward := loggedPID(t, g.until(t, "role is ready", "pid="))
	if err := g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, ward)
}

// TestWards_AnswersOfADeadWorkerAreDropped: the next worker's runs have the same numbers.
func TestWards_AnswersOfADeadWorkerAreDropped(t *testing.T) {
	t.Parallel()
	g, _ := startLonely(t, "sleep")
	first := pid(t, g.until(t, " up"))
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if second := pid(t, g.until(t, " up")); second == first {
		t.Fatal("a dead worker is up")
	}
	g.until(t, "0:sleep died", "hung=true")
	g.end(t)
}
