package cli

import (
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/theriac/theriac/quarantine"
)

// progressEvery is how often a line is written where there is no terminal for a bar.
const progressEvery = 10 * time.Second

// progress shows how far an operation on many entries came: a bar on a terminal, else now and then
// a line. It shows numbers only, nothing that strangers wrote.
type progress struct {
	t     *Tool
	past  string
	total int64
	done  int64
	last  time.Time
	bars  *mpb.Progress
	bar   *mpb.Bar
}

func newProgress(t *Tool, past string, total int64) *progress {
	p := &progress{t: t, past: past, total: total, last: t.now()}
	if t.ErrTerminal && !t.flags.quiet {
		p.bars = mpb.New(mpb.WithOutput(t.Streams.Err), mpb.WithWidth(40))
		p.bar = p.bars.AddBar(total,
			mpb.PrependDecorators(decor.CountersNoUnit("%d/%d "+past)),
			mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s "), decor.AverageETA(decor.ET_STYLE_GO)),
			mpb.BarRemoveOnComplete())
	}
	return p
}

// step counts one entry that has ended.
func (p *progress) step(quarantine.Entry, error) {
	p.done++
	if p.bar != nil {
		p.bar.Increment()
		return
	}
	if now := p.t.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		p.t.Hint("%s of %s %s", count(p.done), count(p.total), p.past)
	}
}

// end removes the bar, also of an operation that stopped early.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
}
