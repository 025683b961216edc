package incidents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/buildinfo"
)

// facts are what every result has.
type facts struct {
	output.Head
	Drill    string         `json:"drill"`
	Engine   string         `json:"engine"`
	Deaths   map[string]int `json:"deaths"`
	Seed     uint64         `json:"seed"`
	Build    string         `json:"build"`
	OS       string         `json:"os"`
	CPUs     int            `json:"cpus"`
	Started  time.Time      `json:"started"`
	WallMS   int64          `json:"wall_ms"`
	Passed   bool           `json:"passed"`
	Problems []string       `json:"problems,omitempty"`
	KeptIn   string         `json:"kept_in,omitempty"`
}

func (f *facts) problems() []string { return f.Problems }

// check notes what is not as it should be.
func (f *facts) check(ok bool, format string, args ...any) {
	if !ok {
		f.Problems = append(f.Problems, fmt.Sprintf(format, args...))
	}
}

// on runs a part on a site of its own, and notes the facts.
func (o *options) on(ctx context.Context, d databases, l layout, f *facts, play func(*site) error) (err error) {
	began := time.Now()
	store, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	l.executable, l.environ, l.engine, l.store = o.executable, o.environ, o.engine, store
	s, err := openSite(ctx, l)
	if err != nil {
		return err
	}
	err = play(s)
	r, lookErr := s.look()
	err = errors.Join(err, lookErr, s.close())
	f.Head, f.Engine, f.Deaths, f.Seed, f.Build = output.NewHead(), o.engine, r.deaths, o.seed, buildinfo.Read().Version
	f.OS, f.CPUs, f.Started, f.WallMS = runtime.GOOS, runtime.NumCPU(), began.UTC().Truncate(time.Second), time.Since(began).Milliseconds()
	slices.Sort(f.Problems)
	f.Passed = len(f.Problems) == 0
	if o.keep && (err != nil || !f.Passed) {
		f.KeptIn = s.dir
		if err != nil {
			return fmt.Errorf("%w; kept in %s", err, s.dir)
		}
		return nil
	}
	return errors.Join(err, s.remove())
}

func (o *options) tell(t *cli.Tool, r result) error {
	if !o.json {
		r.show(t)
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	_, err := t.Streams.Out.Write(term.JSON(b.Bytes()))
	return err
}

// head prints how it ended.
func (f *facts) head(w *term.Writer) {
	if f.Passed {
		w.Paint(term.Green, "PASSED")
	} else {
		w.Paint(term.Red, "FAILED")
	}
	w.Printf("  drill incidents %s on %s, in %s\n", f.Drill, f.Engine, (time.Duration(f.WallMS) * time.Millisecond).Round(100*time.Millisecond).String())
	for _, p := range f.Problems {
		w.Printf("  %s\n", p)
	}
	if f.KeptIn != "" {
		w.Printf("  kept in %s\n", f.KeptIn)
	}
}

func (f *facts) foot(w *term.Writer) {
	w.Printf("died: %d critical workers, %d others, %d clocks, %d web servers\n", f.Deaths[critical], f.Deaths[nonCritical], f.Deaths[clockRole], f.Deaths[webRole])
	w.Printf("seed %d, build %s, %s, %d CPUs\n\n", f.Seed, f.Build, f.OS, f.CPUs)
}

const spreadFormat = "  %-34s %6d  p50 %9.1f ms   p99 %9.1f ms   max %9.1f ms%s\n"

// row prints one distribution.
func (s spread) row(w *term.Writer, name string) {
	bound := ""
	if s.WithinMS > 0 {
		bound = fmt.Sprintf("   at most %.0f ms", s.WithinMS)
	}
	if s.Count == 0 {
		w.Printf("  %-34s not measured\n", name)
		return
	}
	w.Printf(spreadFormat, name, s.Count, s.P50MS, s.P99MS, s.MaxMS, bound)
}

func (r *latencyResult) show(t *cli.Tool) {
	w := t.Out()
	r.head(w)
	r.Declare.row(w, fmt.Sprintf("declare, %d a second", r.Rate))
	r.Chain.rows(w, "")
	r.Killed.rows(w, ", workers killed")
	r.Command.row(w, "slash command answered")
	r.foot(w)
}

func (c chain) rows(w *term.Writer, what string) {
	c.Channel.row(w, "channel"+what)
	c.Headline.row(w, "headline"+what)
	c.Invited.row(w, "invited"+what)
	c.All.row(w, "all three"+what)
	c.Page.row(w, "page"+what)
}
