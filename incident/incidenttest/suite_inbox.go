package incidenttest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/incident"
)

func inboxPromises() []promise {
	return []promise{
		{"ComesBackWhole", inboxWhole},
		{"SameIDIsTheSameRequest", inboxTwice},
		{"OneOfManyIsNew", inboxRace},
		{"Handled_TheFirstWins", inboxHandled},
		{"Unknown_NotFound", inboxUnknown},
		{"RefusesWhatNoBrokerTakes", inboxRefused},
		{"ManyAtOnce", inboxMany},
		{"LargeBodies", inboxLarge},
	}
}

func inboxWhole(b *bundle) {
	want := row1("x")
	want.NotBefore = b.now.Add(time.Minute)
	created, err := b.Store.Accept(b.ctx, want)
	b.must(err)
	b.wantEqual([]bool{true}, created, "created")
	got, err := b.Store.Inbound(b.ctx, "x")
	b.must(err)
	if got.Stored.Before(b.now) {
		b.Errorf("stored at %s", got.Stored)
	}
	want.Stored = got.Stored
	b.wantEqual(want, got, "row")
	empty := incident.Inbound{ID: "empty", Topic: incident.TopicClock}
	_, err = b.Store.Accept(b.ctx, empty)
	b.must(err)
	got, err = b.Store.Inbound(b.ctx, "empty")
	b.must(err)
	empty.Stored = got.Stored
	b.wantEqual(empty, got, "an empty row")
}

func inboxTwice(b *bundle) {
	b.accept("x")
	again := row1("x")
	again.Body = []byte("other")
	created, err := b.Store.Accept(b.ctx, again, row1("y"), row1("y"))
	b.must(err)
	b.wantEqual([]bool{false, true, false}, created, "created")
	got, err := b.Store.Inbound(b.ctx, "x")
	b.must(err)
	b.wantEqual(row1("x").Body, got.Body, "the first body")
	b.wantEqual([]string{"x", "y"}, outIDs(b.unpublished()), "what goes out")
	created, err = b.Store.Accept(b.ctx)
	b.must(err)
	b.wantEqual(0, len(created), "created of nothing")
}

func inboxRace(b *bundle) {
	var won atomic.Int64
	b.together(12, func(_ int, s incident.Stores) {
		created, err := s.Accept(b.ctx, row1("x"))
		if err != nil {
			b.Error(err)
		} else if created[0] {
			won.Add(1)
		}
	})
	b.wantEqual(int64(1), won.Load(), "rows made")
}

func inboxHandled(b *bundle) {
	b.accept("x")
	b.must(b.Store.Handled(b.ctx, "x", "INC-1"))
	first, err := b.Store.Inbound(b.ctx, "x")
	b.must(err)
	if first.Handled.Before(b.now) || first.Result != "INC-1" {
		b.Errorf("handled: %+v", first)
	}
	b.advance(time.Minute)
	b.must(b.Store.Handled(b.ctx, "x", "INC-2"))
	second, err := b.Store.Inbound(b.ctx, "x")
	b.must(err)
	b.wantEqual("INC-1", second.Result, "the first result")
	created, err := b.Store.Accept(b.ctx, row1("x"))
	b.must(err)
	b.wantEqual([]bool{false}, created, "it came once more")
}

func inboxUnknown(b *bundle) {
	_, err := b.Store.Inbound(b.ctx, "nobody")
	b.wantErr(err, incident.ErrNotFound, "get")
	b.wantErr(b.Store.Handled(b.ctx, "nobody", "x"), incident.ErrNotFound, "handled")
}

func inboxRefused(b *bundle) {
	bad := row1("bad")
	bad.Body = make([]byte, incident.MaxDocument+1)
	for _, in := range []incident.Inbound{{ID: "x"}, {Topic: "t"}, bad} {
		_, err := b.Store.Accept(b.ctx, row1("good"), in)
		b.wantErr(err, incident.ErrInvalid, "accept "+in.ID)
	}
	_, err := b.Store.Inbound(b.ctx, "good")
	b.wantErr(err, incident.ErrNotFound, "the others of a refused call")
}

func inboxMany(b *bundle) {
	var rows []incident.Inbound
	for i := range 500 {
		rows = append(rows, row1(fmt.Sprint("row-", i)))
	}
	b.accept("row-250")
	created, err := b.Store.Accept(b.ctx, rows...)
	b.must(err)
	for i, c := range created {
		if c == (i == 250) {
			b.Errorf("row %d: created %v", i, c)
		}
	}
	out, err := b.Store.Unpublished(b.ctx, 1000)
	b.must(err)
	if len(out) != 500 {
		b.Fatalf("%d go out", len(out))
	}
	b.must(b.Store.MarkPublished(b.ctx, outIDs(out)...))
	b.advance(time.Hour)
	b.wantEqual([]string{}, outIDs(b.unpublished()), "afterwards")
	_, err = b.Store.Accept(b.ctx, row1("last"), row1("row-499"))
	b.must(err)
	b.wantEqual([]string{"last"}, outIDs(b.unpublished()), "then")
}

func inboxLarge(b *bundle) {
	large := row1("large")
	large.Body = []byte(strings.Repeat("\x00\xff", incident.MaxDocument/2))
	_, err := b.Store.Accept(b.ctx, large)
	b.must(err)
	got, err := b.Store.Inbound(b.ctx, "large")
	b.must(err)
	if string(got.Body) != string(large.Body) {
		b.Errorf("a body of %d bytes came back as %d", len(large.Body), len(got.Body))
	}
	if out := b.unpublished(); len(out) != 1 || string(out[0].Data) != string(large.Body) {
		b.Error("it did not go out as it came")
	}
}
