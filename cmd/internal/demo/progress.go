package demo

import (
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar shows on a terminal how many messages have ended. The zero bar shows nothing.
type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
}

func newBar(out io.Writer, total int) bar {
	container := mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	return bar{container, container.AddBar(int64(total),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d ended", decor.WCSyncSpace)),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)),
		mpb.BarRemoveOnComplete())}
}

func (b bar) set(ended int) {
	if b.bar != nil {
		b.bar.SetCurrent(int64(ended))
	}
}

// end removes the bar.
func (b bar) end() {
	if b.bar != nil {
		b.bar.Abort(true)
		b.container.Wait()
	}
}
