package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// The canaries are plain words, which no pattern knows for secrets. Each says where it was planted.
const (
	canaryPayload   = "cAnArYpayload"
	canaryAttribute = "cAnArYattribute"
	canaryKey       = "cAnArYkey"
	canaryText      = "cAnArYtext" // in panic values and error texts
	canaryWord      = "cAnArY"
)

// TestCanaries: real processes panic and die of messages full of secrets, and say some of them in
// their last words. None is in anything that leaves: events, spans, logs, standard error; and what
// operators are shown of a death has nothing of the message itself.
func TestCanaries(t *testing.T) {
	t.Parallel()
	d := newTestDrill(t)
	spec := proofSpec()
	spec.MaxFailures = 2
	s, err := openSite(t.Context(), layout{engine: embeddedEngine{}, executable: d.executable, environ: d.environ, replicas: 1, spec: spec, traces: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	s.ledger.release()
	w := &witnessed{}
	w.ways = map[string]replica.Way{}
	for i, name := range []string{"panic", "child-panic", "error-panic", "os-exit", "panic"} {
		way, _ := replica.Find(name)
		p := w.poison(fmt.Sprintf("poison-%d", i), way, true)
		p.Secret = canaryText
		plant(t, s, p)
		if err := s.awaitAllOver(t.Context(), time.Minute, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.gather(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	shown := operatorsAreShown(t, s)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if len(w.events) < 10 || len(w.spans) < 10 || len(w.facts.crashes) < 4 {
		t.Errorf("%d events, %d spans, %d deaths: too few to say anything", len(w.events), len(w.spans), len(w.facts.crashes))
	}
	planted := 0
	for _, c := range w.facts.crashes {
		planted += strings.Count(c.Text, canaryText)
	}
	if planted == 0 {
		t.Error("no process said a canary when it died: the test proves nothing")
	}
	for sink, text := range leftTheMachine(t, s, w) {
		if at := strings.Index(strings.ToLower(text), strings.ToLower(canaryWord)); at >= 0 {
			t.Errorf("%s: …%q…", sink, text[max(at-200, 0):min(at+60, len(text))])
		}
	}
	for command, text := range shown {
		for _, canary := range []string{canaryPayload, canaryAttribute, canaryKey} {
			if strings.Contains(text, canary) {
				t.Errorf("%s shows the %s:\n%s", command, canary, text)
			}
		}
	}
	largest := map[string]int{}
	for _, e := range w.events {
		size := len(e.Raw)
		for _, a := range e.Attachments {
			size += len(a.Payload)
		}
		largest[e.Level] = max(largest[e.Level], size)
	}
	t.Logf("%d events, %d spans, %d deaths; the largest events in bytes: %v", len(w.events), len(w.spans), len(w.facts.crashes), largest)
}

// plant publishes a message with secrets wherever one can be.
func plant(t *testing.T, s *site, p replica.Payload) {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	data = append(bytes.TrimSuffix(data, []byte("}")), []byte(`,"customer":{"`+canaryPayload+`":"`+canaryPayload+`"}}`)...)
	m := handlers.Message{
		ID: p.Key, Data: data, OrderingKey: canaryKey,
		Attributes: map[string]string{keyAttribute: p.Key, "customer": canaryAttribute, canaryAttribute: "x", "traceparent": canaryAttribute},
	}
	id, err := s.stage.publish(context.WithoutCancel(t.Context()), m)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published[p.Key] = id
}

// leftTheMachine is all that error tracker, collector and logs were given, by sink.
func leftTheMachine(t *testing.T, s *site, w *witnessed) map[string]string {
	t.Helper()
	sinks := map[string]string{}
	for i, e := range w.events {
		text := string(e.Raw)
		for _, a := range e.Attachments {
			text += a.Filename + string(a.Payload)
		}
		sinks[fmt.Sprintf("event %d", i)] = text
	}
	for i, body := range s.collector.Bodies() {
		sinks[fmt.Sprintf("spans %d", i)] = string(body)
	}
	for _, name := range []string{replica.LogName, "stderr"} {
		text, err := os.ReadFile(filepath.Join(replicaDir(s.dir, 1), name))
		if err != nil {
			t.Fatal(err)
		}
		sinks[name] = string(text)
	}
	if !strings.Contains(sinks["stderr"], "panic: [withheld]") {
		t.Errorf("standard error says nothing of a panic: the test proves nothing\n%.2000s", sinks["stderr"])
	}
	return sinks
}

// operatorsAreShown is what the commands print that tell of deaths.
func operatorsAreShown(t *testing.T, s *site) map[string]string {
	t.Helper()
	said := map[string]string{}
	run := func(args ...string) string {
		var out, errs bytes.Buffer
		environ := []string{"HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir}
		code := cli.Main(append(args, "--store", s.stage.store()), environ, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Columns: 120})
		if code != 0 {
			t.Errorf("theriac %s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
		}
		said[strings.Join(args, " ")] = out.String() + errs.String()
		return out.String()
	}
	run("crashes")
	run("ls")
	entries, err := s.entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		run("why", e.Ref)
	}
	page, err := s.service.CrashList(t.Context(), quarantine.CrashQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Reports {
		run("crashes", c.ID)
	}
	return said
}
