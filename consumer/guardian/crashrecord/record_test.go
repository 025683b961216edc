package crashrecord_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

const hostile = "\x00\xff\xfe\x1b[31m<script>\u2028\n\r\t\"\\ \xed\xa0\x80 π"

var died = time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)

// full has something in every field.
func full() crashrecord.Record {
	attempt := func(slot string) crashrecord.Attempt {
		return crashrecord.Attempt{
			Slot: crashrecord.Text(slot), Subscription: "orders", ID: hostile, IDCut: true, Attempt: 3, Started: died.Add(-time.Second),
			Published: died.Add(-time.Minute), TraceID: "0af7", SpanID: "b7ad", Deaths: 1, Why: "labelled", Outcome: "ok",
		}
	}
	culprit := attempt("12.4711")
	return crashrecord.Record{
		Metadata: crashrecord.Metadata{
			ID: crashrecord.NewID(died), Incarnation: "i-1", Role: "worker", Host: hostile, Build: "v1", PID: 4711,
			Started: died.Add(-time.Hour), Died: died, Exit: "exit code 2", Kind: "panic", Tier: "A", Reason: hostile,
			Culprit: &culprit, Suspects: []crashrecord.Attempt{attempt("1.1"), attempt("2.2")}, TimedOut: []crashrecord.Attempt{attempt("3.3")},
			Bystanders: []crashrecord.Attempt{attempt("4.4")}, Settling: []crashrecord.Attempt{attempt("5.5")}, Alone: true,
			StartedBy: hostile, DamagedSlots: 2, Notes: []crashrecord.Text{hostile, ""}, BreakerHint: "three culprits in a minute",
			LeftOut: []crashrecord.Part{crashrecord.PartPayloads},
		},
		FirstBlock: []byte("goroutine 7 [running]:\n" + hostile), StderrTail: []byte(hostile), Dump: []byte("all\x00" + hostile),
		Messages: []crashrecord.Message{
			{Slot: "12.4711", Flags: 0xdeadbeef, ID: []byte(hostile), OrderingKey: []byte("k"), Data: []byte{0}, Attributes: []byte{1, 0, 255}, AckToken: []byte("$JS.ACK")},
			{Slot: "1.1"},
		},
	}
}

func encode(t testing.TB, r crashrecord.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := crashrecord.Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, data []byte) crashrecord.Record {
	t.Helper()
	r, damage, err := crashrecord.Decode(data)
	if err != nil || damage.Any() {
		t.Fatalf("a whole record: %v, %+v", err, damage)
	}
	return r
}

func diff(want, got crashrecord.Record) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

func TestEncode_IsExact(t *testing.T) {
	t.Parallel()
	want := full()
	if diff := diff(want, decode(t, encode(t, want))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncode_IsExactForAnyBytes(t *testing.T) {
	t.Parallel()
	id := crashrecord.NewID(died)
	anyBytes := rapid.SliceOfN(rapid.Byte(), 0, 50)
	text := rapid.Map(anyBytes, func(b []byte) crashrecord.Text { return crashrecord.Text(b) })
	attempts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) crashrecord.Attempt {
		return crashrecord.Attempt{Slot: text.Draw(t, "slot"), ID: text.Draw(t, "id"), Attempt: rapid.Int().Draw(t, "attempt"),
			Started: time.Unix(0, rapid.Int64().Draw(t, "started"))}
	}), 0, 4)
	messages := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) crashrecord.Message {
		return crashrecord.Message{Slot: string(anyBytes.Draw(t, "slot")), Flags: rapid.Uint32().Draw(t, "flags"), ID: anyBytes.Draw(t, "id"),
			OrderingKey: anyBytes.Draw(t, "key"), Data: anyBytes.Draw(t, "data"), Attributes: anyBytes.Draw(t, "attributes"), AckToken: anyBytes.Draw(t, "token")}
	}), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		want := crashrecord.Record{
			Metadata: crashrecord.Metadata{ID: id, Host: text.Draw(t, "host"), Exit: text.Draw(t, "exit"), PID: rapid.Int().Draw(t, "pid"),
				Suspects: attempts.Draw(t, "suspects"), Notes: rapid.SliceOfN(text, 0, 3).Draw(t, "notes")},
			FirstBlock: anyBytes.Draw(t, "block"), StderrTail: anyBytes.Draw(t, "stderr"), Dump: anyBytes.Draw(t, "dump"), Messages: messages.Draw(t, "messages"),
		}
		var b bytes.Buffer
		if _, err := crashrecord.Encode(&b, want); err != nil {
			t.Fatal(err)
		}
		got, damage, err := crashrecord.Decode(b.Bytes())
		if err != nil || damage.Any() {
			t.Fatalf("%v, %+v", err, damage)
		}
		if diff := diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestEncode_CutsToItsBounds(t *testing.T) {
	t.Parallel()
	r := full()
	r.LeftOut = nil
	r.FirstBlock = bytes.Repeat([]byte("f"), crashrecord.MaxFirstBlock+1)
	r.StderrTail = append([]byte("old"), bytes.Repeat([]byte("s"), crashrecord.MaxStderr)...)
	r.Dump = bytes.Repeat([]byte("d"), crashrecord.MaxDump+1)
	large := make([]byte, crashrecord.MaxMessage)
	r.Messages = []crashrecord.Message{
		{Slot: "1.1", ID: []byte("small"), Data: []byte("kept")},
		{Slot: "2.2", ID: []byte("large"), Data: large, AckToken: []byte("token")},
		{Slot: "3.3", ID: large},
	}
	got := decode(t, encode(t, r))
	// cmp takes minutes for megabytes.
	for _, pair := range [][2][]byte{{r.FirstBlock[:crashrecord.MaxFirstBlock], got.FirstBlock}, {r.StderrTail[3:], got.StderrTail}, {r.Dump[:crashrecord.MaxDump], got.Dump}} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%d bytes kept, want %d, or they are others", len(pair[1]), len(pair[0]))
		}
	}
	messages := []crashrecord.Message{r.Messages[0], {Slot: "2.2", ID: []byte("large"), AckToken: []byte("token")}}
	if diff := cmp.Diff(messages, got.Messages, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	leftOut := []crashrecord.Part{crashrecord.PartFirstBlock, crashrecord.PartStderr, crashrecord.PartDump, crashrecord.PartPayloads, crashrecord.PartMessages}
	if diff := cmp.Diff(leftOut, got.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if len(r.LeftOut) != 0 {
		t.Errorf("the caller's record was changed: %v", r.LeftOut)
	}
}

func TestEncode_BoundsAllMessagesTogether(t *testing.T) {
	t.Parallel()
	r := crashrecord.Record{Metadata: crashrecord.Metadata{ID: crashrecord.NewID(died)}}
	data := make([]byte, crashrecord.MaxMessage-100)
	for i := range 70 {
		r.Messages = append(r.Messages, crashrecord.Message{Slot: fmt.Sprint(i), Data: data})
	}
	encoded := encode(t, r)
	if len(encoded) > 65<<20 {
		t.Errorf("%d bytes", len(encoded))
	}
	got := decode(t, encoded)
	if len(got.Messages) != 70 || len(got.Messages[63].Data) != len(data) || len(got.Messages[69].Data) > 0 {
		t.Errorf("%d messages kept, want all, the last ones without payload", len(got.Messages))
	}
}

func TestEncode_SurvivesTimesThatJSONCannotHold(t *testing.T) {
	t.Parallel()
	r := full()
	r.Suspects[0].Started = time.Unix(1<<60, 0)
	r.Culprit.Published = time.Unix(-1<<60, 0)
	got := decode(t, encode(t, r))
	if !got.Suspects[0].Started.IsZero() || !got.Culprit.Published.IsZero() {
		t.Errorf("got %v and %v", got.Suspects[0].Started, got.Culprit.Published)
	}
	if r.Suspects[0].Started.IsZero() || r.Culprit.Published.IsZero() {
		t.Error("the caller's record was changed")
	}
}

// many is more than the metadata may hold.
func many() []crashrecord.Attempt {
	return slices.Repeat([]crashrecord.Attempt{{ID: crashrecord.Text(strings.Repeat("x", 1024))}}, 9000)
}

func TestEncode_RefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	r := full()
	r.ID = "../../etc/passwd"
	if _, err := crashrecord.Encode(&bytes.Buffer{}, r); err == nil {
		t.Error("an id that is none was taken")
	}
	r = full()
	r.Suspects = many()
	if _, err := crashrecord.Encode(&bytes.Buffer{}, r); err == nil {
		t.Error("9 MB of suspects were taken")
	}
}

func TestEncode_LeavesOutWhoeverNobodyBlames(t *testing.T) {
	t.Parallel()
	r := full()
	r.Bystanders = many()
	got := decode(t, encode(t, r))
	if len(got.Suspects) != 2 || got.Culprit == nil || len(got.Bystanders) > 0 || !slices.Contains(got.LeftOut, crashrecord.PartBystanders) {
		t.Errorf("%d suspects, culprit %v, %d bystanders, left out %v", len(got.Suspects), got.Culprit, len(got.Bystanders), got.LeftOut)
	}
}

func TestEncode_CutsTexts(t *testing.T) {
	t.Parallel()
	long := crashrecord.Text(strings.Repeat("x", 1<<20))
	r := full()
	r.Host, r.Culprit.ID, r.Notes = long, long, slices.Repeat([]crashrecord.Text{long}, 1000)
	r.Culprit.IDCut = false
	got := decode(t, encode(t, r))
	if len(got.Host) != 1024 || len(got.Culprit.ID) != 1024 || !got.Culprit.IDCut || len(got.Notes) != 256 || len(got.Notes[0]) != 1024 {
		t.Errorf("host of %d bytes, id of %d (cut: %v), %d notes", len(got.Host), len(got.Culprit.ID), got.Culprit.IDCut, len(got.Notes))
	}
	if len(r.Host) != 1<<20 || len(r.Culprit.ID) != 1<<20 || r.Culprit.IDCut || len(r.Notes[0]) != 1<<20 {
		t.Error("the caller's record was changed")
	}
}

func TestText_IsReadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[crashrecord.Text]string{"orders": `"orders"`, "\xff": `{"base64":"/w=="}`, "": `""`, "{}": `"{}"`} {
		got, err := json.Marshal(text)
		if err != nil || string(got) != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, bad := range []string{`{"base64":"?"}`, `7`, `[]`} {
		var text crashrecord.Text
		if err := json.Unmarshal([]byte(bad), &text); err == nil {
			t.Errorf("%s was read as %q", bad, text)
		}
	}
}

func TestNewID_SortsByTime(t *testing.T) {
	t.Parallel()
	early, late := crashrecord.NewID(died), crashrecord.NewID(died.Add(time.Millisecond))
	if early >= late {
		t.Errorf("%s, then %s", early, late)
	}
	if crashrecord.NewID(died) == early {
		t.Error("two ids are the same")
	}
	if len(early) != 36 || early[14] != '7' {
		t.Errorf("%s is no UUID of version 7", early)
	}
}

func TestDecode_RefusesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	whole := encode(t, full())
	newer := bytes.Clone(whole)
	newer[8] = 2 // and a checksum that fits
	copy(newer[12:], checksum(newer[:12]))
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, crashrecord.ErrDamaged},
		{"garbage", []byte("this is no crash record at all"), crashrecord.ErrDamaged},
		{"header only", whole[:16], crashrecord.ErrDamaged},
		{"newer", newer, crashrecord.ErrVersion},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := crashrecord.Decode(test.in); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
