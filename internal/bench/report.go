package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// result is one measured window.
type result struct {
	order
	round int
	figures
}

func perMessage(d time.Duration, n int64) float64 {
	return float64(d) / float64(time.Microsecond) / float64(n)
}

func (r result) rate() float64   { return float64(r.Messages) / r.Elapsed.Seconds() }
func (r result) cpu() float64    { return perMessage(r.CPU, r.Messages) }
func (r result) allocs() float64 { return float64(r.Mallocs) / float64(r.Messages) }

// row is what is printed of one stack in one setting: medians over the rounds.
// Ratios and differences are taken within each round and their median is shown,
// so they need not equal those of the columns beside them. They are null where
// raw did not run.
type row struct {
	Stack string `json:"stack"`
	Setting
	MessagesPerSecond float64  `json:"msgs_per_s"`
	CPU               float64  `json:"cpu_us"`
	Allocs            float64  `json:"allocs"`
	ThroughputRatio   *float64 `json:"throughput_ratio"`
	CPURatio          *float64 `json:"cpu_ratio"`
	MoreCPU           *float64 `json:"cpu_us_over_raw"`
	MoreAllocs        *float64 `json:"allocs_over_raw"`
}

// summarize makes one row for each stack and setting, in the order they ran.
func summarize(results []result) []row {
	type key struct {
		stack   string
		setting Setting
	}
	var order []key
	runs := make(map[key][]result)
	for _, r := range results {
		k := key{r.Stack, r.Setting}
		if runs[k] == nil {
			order = append(order, k)
		}
		runs[k] = append(runs[k], r)
	}
	rows := make([]row, len(order))
	for i, k := range order {
		rows[i] = summary(runs[k], runs[key{"raw", k.setting}])
	}
	return rows
}

func summary(runs, raw []result) row {
	out := row{
		Stack: runs[0].Stack, Setting: runs[0].Setting,
		MessagesPerSecond: median(runs, result.rate),
		CPU:               median(runs, result.cpu),
		Allocs:            median(runs, result.allocs),
	}
	if len(raw) == 0 {
		return out
	}
	against := func(f func(own, raw result) float64) *float64 {
		v := median(runs, func(own result) float64 { return f(own, raw[own.round]) })
		return &v
	}
	out.ThroughputRatio = against(func(own, raw result) float64 { return own.rate() / raw.rate() })
	out.CPURatio = against(func(own, raw result) float64 { return own.cpu() / raw.cpu() })
	out.MoreCPU = against(func(own, raw result) float64 { return own.cpu() - raw.cpu() })
	out.MoreAllocs = against(func(own, raw result) float64 { return own.allocs() - raw.allocs() })
	return out
}

// median returns the middle value of f over runs, of two middle ones their mean.
func median(runs []result, f func(result) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = f(r)
	}
	slices.Sort(values)
	return middle(values)
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// reportReceiving prints a table and, if asked, one line of JSON.
func reportReceiving(w io.Writer, results []result, asJSON bool) error {
	rows := summarize(results)
	t := newTable(w)
	fmt.Fprintln(t, "streams\toutstanding\tstack\tmsgs/s\tof raw\tCPU us\tof raw\tover raw\tallocs\tover raw\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%d\t%d\t%s\t%.0f\t%s\t%.1f\t%s\t%s\t%.1f\t%s\t\n", r.Streams, r.Outstanding, r.Stack,
			r.MessagesPerSecond, orDash("%.2f", r.ThroughputRatio), r.CPU, orDash("%.2f", r.CPURatio), orDash("%+.1f", r.MoreCPU),
			r.Allocs, orDash("%+.1f", r.MoreAllocs))
	}
	return finish(w, t, rows, asJSON)
}

// holdingRow is what is printed of one store: medians over the rounds.
type holdingRow struct {
	Stack            string  `json:"stack"`
	EntriesPerSecond float64 `json:"entries_per_s"`
	CPU              float64 `json:"cpu_us"`
}

// reportHolding prints how fast poison was held.
func reportHolding(w io.Writer, results []result, asJSON bool) error {
	var rows []holdingRow
	t := newTable(w)
	fmt.Fprintln(t, "stack\tentries/s\tCPU us\t")
	for _, r := range summarize(results) {
		rows = append(rows, holdingRow{Stack: r.Stack, EntriesPerSecond: r.MessagesPerSecond, CPU: r.CPU})
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t\n", r.Stack, r.MessagesPerSecond, r.CPU)
	}
	return finish(w, t, rows, asJSON)
}

func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func finish(w io.Writer, t *tabwriter.Writer, rows any, asJSON bool) error {
	if err := t.Flush(); err != nil || !asJSON {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]any{"rows": rows})
}

func orDash(format string, v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
