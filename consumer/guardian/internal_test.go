package guardian

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/redact"
)

func TestRestarts(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	r := restarts{pause: 10 * ms, most: 60 * ms}
	for i, step := range []struct {
		wasReady bool
		want     time.Duration
	}{
		{true, 0}, {true, 0}, // it served: back at once, however often
		{false, 0}, {false, 10 * ms}, {false, 20 * ms}, {false, 40 * ms}, {false, 60 * ms}, {false, 60 * ms},
		{true, 0}, {false, 0}, {false, 10 * ms}, // having served clears the count
	} {
		if got := r.died(step.wasReady); got != step.want {
			t.Errorf("death %d: pause %v, want %v", i, got, step.want)
		}
	}
	r.unready = 1 << 20 // no overflow
	if got := r.died(false); got != r.most {
		t.Errorf("after many deaths: %v", got)
	}
}

// TestRestarts_OfWhoDiesAsSoonAsItIsReady: at once, until it is plain that this is what it does.
func TestRestarts_OfWhoDiesAsSoonAsItIsReady(t *testing.T) {
	t.Parallel()
	r := restarts{pause: 250 * time.Millisecond, most: time.Minute}
	die := func(times int, lived time.Duration, ofNoMessage bool, want time.Duration) {
		t.Helper()
		for n := range times {
			if got := r.futileDeath(lived, ofNoMessage); got != want {
				t.Fatalf("death %d: pause %v, want %v", n+1, got, want)
			}
		}
	}
	die(32, time.Millisecond, true, 0)
	die(100, time.Millisecond, true, 250*time.Millisecond)
	die(1, time.Second, true, 0) // it served
	die(32, time.Millisecond, true, 0)
	die(1, time.Millisecond, false, 0) // of a message
	die(32, time.Millisecond, true, 0)
	die(1, time.Millisecond, true, 250*time.Millisecond)
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	ok := Config{Roles: []RoleConfig{{Name: "worker"}}}
	if err := ok.Validate(); err != nil {
		t.Errorf("the least configuration: %v", err)
	}
	bad := Config{
		Roles:       []RoleConfig{{Name: "Worker 1"}, {Name: "web"}, {Name: "web", ReadyTimeout: -1, Slots: 5000}},
		Build:       strings.Repeat("x", 129),
		StopTimeout: -1, RestartLimit: -1, RestartPause: time.Hour,
	}
	err := bad.Validate()
	for _, part := range []string{"Roles[0].Name", "Roles[2].Name", "Roles[2].ReadyTimeout", "Roles[2].Slots", "StateDir", "Build", "StopTimeout", "RestartLimit", "RestartPause"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("Validate = %v, want it to name %s", err, part)
		}
	}
	if err := (Config{}).Validate(); err == nil {
		t.Error("no role at all is valid")
	}
}

// TestConfig_DefaultsKeepWhatIsSet would find a field that is lost on the way.
func TestConfig_DefaultsKeepWhatIsSet(t *testing.T) {
	t.Parallel()
	full := Config{
		Roles:    []RoleConfig{{Name: "worker", Slots: 6, Wards: 2, MemoryLimit: 1 << 30, ReadyTimeout: 1, HangTimeout: 3 * time.Second}},
		StateDir: "/state", Relay: true, Build: "v1",
		StopTimeout: 2, RestartLimit: 3, RestartPause: 4, MaxRestartPause: 5, Redact: new(redact.Redactor), RawStderr: true,
		Logger: Config{}.withDefaults().Logger,
	}
	v := reflect.ValueOf(full)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the test does not set %s", v.Type().Field(i).Name)
		}
	}
	if got := full.withDefaults(); !reflect.DeepEqual(got, full) {
		t.Errorf("defaults changed %+v to %+v", full, got)
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	if err := writeFrame(&buf, frameWelcome, welcome{Incarnation: "worker-1"}); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	kind, body, err := readFrame(bytes.NewReader(whole))
	if err != nil || kind != frameWelcome || string(body) != `{"incarnation":"worker-1","table_fd":0,"relay_fd":0}` {
		t.Errorf("read %d %s %v", kind, body, err)
	}
	for n := range whole {
		if _, _, err := readFrame(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("a frame cut after %d bytes was read", n)
		}
	}
	if _, _, err := readFrame(bytes.NewReader([]byte{frameVersion, 1, 0xff, 0xff, 0xff, 0xff})); !errors.Is(err, errFrame) {
		t.Errorf("4 GB were promised: %v", err)
	}
	if _, _, err := readFrame(bytes.NewReader([]byte{9, 1, 0, 0, 0, 0})); !errors.Is(err, errFrame) {
		t.Errorf("another version: %v", err)
	}
	if err := writeFrame(&buf, frameWelcome, welcome{Incarnation: strings.Repeat("x", maxFrame)}); err == nil {
		t.Error("a frame beyond the bound was written")
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{frameVersion, byte(frameReady), 0, 0, 0, 2, '{', '}'})
	f.Add([]byte{frameVersion, 0, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, body, err := readFrame(bytes.NewReader(data))
		if err == nil && len(body) > len(data) {
			t.Errorf("%d bytes out of %d", len(body), len(data))
		}
	})
}
