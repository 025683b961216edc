package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
)

// managerConfig makes Alertmanager send everything here, without delay.
const managerConfig = `route: {receiver: incidentd, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
- name: incidentd
  webhook_configs:
  - url: %s/v1/alerts/prom
    send_resolved: true
    http_config: {authorization: {type: Bearer, credentials: %s}}
`

// alertmanager: a real one sends an alert, which opens one incident, and says that it is over, which is
// noted there.
func (s *service) alertmanager(t *testing.T) {
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Skip("prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager makes this run")
	}
	base := startManager(t, program, fmt.Sprintf(managerConfig, s.api.base, sourceToken))
	fire := func(until time.Time) {
		body, err := json.Marshal([]map[string]any{{
			"labels":      map[string]string{"alertname": "HighLatency", "severity": "page", "instance": "web-1"},
			"annotations": map[string]string{"summary": "latency is high"}, "endsAt": until.Format(time.RFC3339Nano),
		}})
		check(t, err)
		resp, err := http.Post(base+"/api/v2/alerts", "application/json", bytes.NewReader(body))
		check(t, err)
		check(t, resp.Body.Close())
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("Alertmanager answers %s", resp.Status)
		}
	}
	fire(time.Now().Add(time.Hour))
	var inc incident.Incident
	eventually(t, "the alert opened an incident", func() bool {
		found := s.api.named(t, "latency is high")
		if len(found) == 1 {
			inc = s.api.see(t, found[0].Ref())
		}
		return len(found) == 1 && len(inc.Alerts) == 1
	})
	if inc.Status != incident.Triage || inc.Alerts[0].Source != "prom" {
		t.Errorf("%s is %s by %s", inc.Ref(), inc.Status, inc.Alerts[0].Source)
	}
	fire(time.Now())
	eventually(t, "it is noted that the alert is over", func() bool { return !s.api.see(t, inc.Ref()).Alerts[0].Resolved.IsZero() })
	if n := len(s.api.named(t, "latency is high")); n != 1 {
		t.Errorf("%d incidents, want 1", n)
	}
	s.api.post(t, inc.Ref(), "decline", map[string]any{"reason": "it is over"})
}

// startManager starts Alertmanager on a free port of this machine.
func startManager(t *testing.T, program, config string) (base string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	check(t, os.WriteFile(file, []byte(config), 0o600))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	at := free.Addr().String()
	check(t, free.Close())
	cmd := exec.Command(program, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+at, "--cluster.listen-address=")
	said := newLog()
	cmd.Stdout, cmd.Stderr = said, said
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Alertmanager said:\n%s", said)
		}
	})
	eventually(t, "Alertmanager is ready", func() bool {
		resp, err := http.Get("http://" + at + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return "http://" + at
}
