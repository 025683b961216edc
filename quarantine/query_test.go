package quarantine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

var queryNow = time.Date(2022, 11, 18, 16, 0, 0, 0, time.UTC)

func TestParseQuery(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for terms, want := range map[string]quarantine.Query{
		"":                                  {},
		"sub:orders":                        {Subscription: "orders"},
		"sub:a:b":                           {Subscription: "a:b"},
		"group:G-5TQ0":                      {Group: "G-5TQ0"},
		"state:held,replaying":              {States: []quarantine.State{"held", "replaying"}},
		"state:all":                         {},
		"reason:crashed,hung":               {Reasons: []handlers.Reason{"crashed", "hung"}},
		"where:billing.Apply build:v2.41.0": {Where: "billing.Apply", Build: "v2.41.0"},
		"since:1d until:2h":                 {Since: queryNow.Add(-day), Until: queryNow.Add(-2 * time.Hour)},
		"since:2022-11-17":                  {Since: queryNow.Add(-40 * time.Hour)},
		"until:2022-11-18T15:00:00+01:00":   {Until: queryNow.Add(-2 * time.Hour)},
		"since:2022-11-18T15:30":            {Since: queryNow.Add(-30 * time.Minute)},
		"age:2w":                            {Until: queryNow.Add(-14 * day)},
		"age:>90s":                          {Until: queryNow.Add(-90 * time.Second)},
		"age:<1h30m":                        {Since: queryNow.Add(-90 * time.Minute)},
		"larger:64k":                        {LargerThan: 64 << 10},
		"larger:1MB":                        {LargerThan: 1 << 20},
		"larger:500":                        {LargerThan: 500},
		"replays:2":                         {MinReplays: 2},
		"nil pointer":                       {Text: "nil pointer"},
		"Error: sub:orders dereference":     {Subscription: "orders", Text: "Error: dereference"},
		":x":                                {Text: ":x"},
	} {
		got, err := quarantine.ParseQuery(strings.Fields(terms), queryNow)
		if err != nil {
			t.Errorf("%q: %v", terms, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", terms, diff)
		}
	}
}

func TestParseQuery_Problems(t *testing.T) {
	t.Parallel()
	for terms, want := range map[string]string{
		"subscription:orders":   "unknown key (known: sub: group: state: reason: where: build: since: until: age: larger: replays:)",
		"sub:":                  "no value",
		"sub:a sub:b":           "twice",
		"state:gone":            "no such state",
		"reason:bad":            "no such reason",
		"since:yesterday":       "want a time such as",
		"since:-1h":             "want a time such as",
		"since:99999999999999d": "want a time such as",
		"since:1h until:2h":     "nothing lies between",
		"since:1h age:<1h":      "use one of them",
		"larger:big":            "want a size such as",
		"larger:99999999999G":   "want a size such as",
		"larger:-1":             "want a size such as",
		"replays:-1":            "want a count",
	} {
		q, err := quarantine.ParseQuery(strings.Fields(terms), queryNow)
		if !errors.Is(err, quarantine.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", terms, err, want)
		}
		if diff := cmp.Diff(quarantine.Query{}, q); diff != "" {
			t.Errorf("%q: a query beside the error:\n%s", terms, diff)
		}
	}
	_, err := quarantine.ParseQuery([]string{"foo:1", "state:gone", "bad\x1b:x", "larger:\x1b[2J"}, queryNow)
	if n := strings.Count(err.Error(), "query term"); n != 3 || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%d of 3 problems are reported, or raw: %q", n, err)
	}
}

func TestQueryKeys_AreAllHelped(t *testing.T) {
	t.Parallel()
	for _, k := range quarantine.QueryKeys() {
		if k[0] == "" || k[1] == "" {
			t.Errorf("%q: %q", k[0], k[1])
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"sub:orders since:1d", "age:<2w larger:64k", "state:held,replayed replays:3 text", "until:2022-11-17", "x:", "since:9223372036854775807w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		terms := strings.Split(s, " ")
		q, err := quarantine.ParseQuery(terms, queryNow)
		if err != nil {
			if !errors.Is(err, quarantine.ErrInvalid) {
				t.Errorf("%q: %v is not ErrInvalid", s, err)
			}
			return
		}
		if q.LargerThan < 0 || q.MinReplays < 0 || slices.Contains(q.States, "") {
			t.Errorf("%q: %+v", s, q)
		}
	})
}
