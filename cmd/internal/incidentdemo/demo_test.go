package incidentdemo_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/cmd/internal/incidentdemo"
)

// asService makes this test binary the service that the demo starts.
const asService = "THERIAC_TEST_AS_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(asService) != "" {
		os.Exit(incidentd.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// TestDemo runs it as a user would, and reads what they read.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := incidentdemo.NewCommand(append(os.Environ(), asService+"=1", "THERIAC_GUARDIAN=on"), &out)
	c.SetArgs([]string{"--data-dir", t.TempDir()})
	c.SetContext(t.Context())
	if err := c.Execute(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		`INC-1 opens in triage by itself: demo-orders--confirm: nil pointer dereference`,
		`held: Q-\w+, at incidentd\.confirmOrder\.func1 orders\.go:\d+`,
		`ana is called: `, `she presses the button`, `#inc-1-demo-orders-confirm\S* is there`,
		`closing is refused: INC-1 cannot close: entry Q-\w+ is undecided`,
		`with it INC-1 closes by itself`,
		`DIED      1 worker of orders, [12] wards?;`,
		`ORDERS    20 published, 1 taken out of the way, 19 confirmed, 0 waiting`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("it does not say %q", want)
		}
	}
	if t.Failed() || strings.Contains(out.String(), "\x1b") {
		t.Logf("it said:\n%s", out.String())
	}
}
