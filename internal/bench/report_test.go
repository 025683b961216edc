package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// window is a result of 1000 messages.
func window(stack string, round int, took, cpu time.Duration, mallocs uint64) result {
	return result{
		order: order{Stack: stack, Setting: Setting{Streams: 4, Outstanding: 10}, Messages: 1000},
		round: round, figures: figures{Elapsed: took, CPU: cpu, Mallocs: mallocs},
	}
}

func TestSummarize_TakesRatiosWithinRounds(t *testing.T) {
	t.Parallel()
	// The machine is twice as slow in the second round and four times in the
	// third: ratios of medians would mix the rounds.
	rows := summarize([]result{
		window("raw", 0, 1*time.Second, 10*time.Millisecond, 30_000),
		window("ours", 0, 1*time.Second, 11*time.Millisecond, 32_000),
		window("raw", 1, 2*time.Second, 20*time.Millisecond, 30_000),
		window("ours", 1, 4*time.Second, 24*time.Millisecond, 33_000),
		window("raw", 2, 4*time.Second, 40*time.Millisecond, 30_000),
		window("ours", 2, 5*time.Second, 60*time.Millisecond, 34_000),
	})
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	raw, ours := rows[0], rows[1]
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"raw msgs/s", raw.MessagesPerSecond, 500},
		{"raw throughput ratio", *raw.ThroughputRatio, 1},
		{"msgs/s", ours.MessagesPerSecond, 250},
		{"throughput ratio", *ours.ThroughputRatio, 0.8}, // of 1, 0.5, 0.8
		{"CPU", ours.CPU, 24},
		{"CPU ratio", *ours.CPURatio, 1.2}, // of 1.1, 1.2, 1.5
		{"more CPU", *ours.MoreCPU, 4},     // of 1, 4, 20
		{"allocations", ours.Allocs, 33},
		{"more allocations", *ours.MoreAllocs, 3},
	} {
		if diff := c.got - c.want; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("%s: %g, want %g", c.what, c.got, c.want)
		}
	}
}

func TestSummarize_WithoutRawThereAreNoRatios(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := reportReceiving(&out, []result{window("ours", 0, time.Second, time.Millisecond, 1)}, true); err != nil {
		t.Fatal(err)
	}
	last := lastLine(out.String())
	if !strings.Contains(last, `"throughput_ratio":null,"cpu_ratio":null`) {
		t.Errorf("last line %s", last)
	}
}

func TestReport_LastLineIsOneObject(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := reportReceiving(&out, []result{window("raw", 0, time.Second, time.Millisecond, 1)}, true); err != nil {
		t.Fatal(err)
	}
	var got struct{ Rows []map[string]any }
	if err := json.Unmarshal([]byte(lastLine(out.String())), &got); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"stack", "streams", "outstanding", "msgs_per_s", "cpu_us", "allocs", "throughput_ratio", "cpu_ratio"} {
		if _, ok := got.Rows[0][field]; !ok {
			t.Errorf("no %s in %v", field, got.Rows[0])
		}
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   []uint64
		want float64
	}{{[]uint64{7}, 7}, {[]uint64{9, 1, 5}, 5}, {[]uint64{9, 1, 5, 7}, 6}} {
		var runs []result
		for _, n := range c.in {
			runs = append(runs, result{figures: figures{Mallocs: n}})
		}
		if got := median(runs, func(r result) float64 { return float64(r.Mallocs) }); got != c.want {
			t.Errorf("median of %v is %g, want %g", c.in, got, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	both := []Setting{{4, 10_000}, {1, 1000}}
	for _, c := range []struct {
		args     string
		settings []Setting
		stacks   []string
		fails    bool
	}{
		{args: "", settings: both, stacks: stacks()},
		{args: "--streams 2", settings: []Setting{{2, 10_000}}, stacks: stacks()},
		{args: "--outstanding 5 --stacks raw", settings: []Setting{{4, 5}}, stacks: []string{"raw"}},
		{args: "quarantine", settings: []Setting{{4, 10_000}}, stacks: ours()},
		{args: "quarantine --stacks raw", fails: true},
		{args: "--stacks nobody", fails: true},
		{args: "--rounds 0", fails: true},
		{args: "--messages -1", fails: true},
		{args: "more", fails: true},
		{args: "--unknown", fails: true},
	} {
		o, err := parse(strings.Fields(c.args), &bytes.Buffer{})
		if (err != nil) != c.fails {
			t.Errorf("%q: error %v", c.args, err)
		}
		if !c.fails && (!slices.Equal(o.settings, c.settings) || !slices.Equal(o.stacks, c.stacks)) {
			t.Errorf("%q: %v of %v", c.args, o.stacks, o.settings)
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
