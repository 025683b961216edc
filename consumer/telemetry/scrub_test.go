package telemetry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/telemetry"
)

// canaries are what must never leave, by what they are.
var canaries = map[string]string{
	"address":              "ada.lovelace+x@example.co.uk",
	"address of a name":    "zoë@exämple.de",
	"address in a URL":     "ada%40example.com",
	"card":                 "4111 1111 1111 1111",
	"card with dashes":     "4111-1111-1111-1111",
	"account":              "DE89370400440532013000",
	"telephone":            "+49 170 1234567",
	"birthday":             "1815-12-10",
	"web token":            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP",
	"cloud key":            "AKIAIOSFODNN7EXAMPLE",
	"hub token":            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
	"payment key":          "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
	"chat token":           "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOHcbrzqgy",
	"hash":                 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"encoded":              "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ",
	"lower case":           "a8f5f167f44f4964e6c998dee827110c1z",
	"private key":          "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----",
	"private key, cut":     "-----BEGIN PRIVATE KEY-----\nMIIEowabc",
	"password":             `password=hunter2`,
	"password, quoted":     `"password": "hunter2 and more"`,
	"password, in Go":      `{Password:hunter2}`,
	"password, escaped":    `{\"password\":\"hunter2\"}`,
	"key of a program":     `api_key=hunter2`,
	"password in a URL":    "postgres://user:hunter2@db.internal/orders",
	"bearer":               "Authorization: Bearer hunter2.hunter2",
	"basic":                "basic aHVudGVyMjpodW50ZXIy",
	"session":              "session_id=hunter2",
	"number without blank": "order1234567890",
}

// secret is the part of a canary that must be gone.
func secret(canary string) string {
	for _, part := range []string{"hunter2", "MIIEow", "aHVudGVyMjpodW50ZXIy"} {
		if strings.Contains(canary, part) {
			return part
		}
	}
	return canary
}

func TestScrub_Canaries(t *testing.T) {
	t.Parallel()
	for name, canary := range canaries {
		for _, text := range []string{canary, "cannot book " + canary, "(" + canary + ")", `"` + canary + `" is bad`, canary + "\nnext"} {
			if got := telemetry.Scrub(text); strings.Contains(got, secret(canary)) {
				t.Errorf("%s: %q became %q", name, text, got)
			}
		}
	}
}

func TestScrub_KeepsWhatPeopleNeed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "boom", "panic: runtime error: invalid memory address or nil pointer dereference",
		"runtime error: index out of range [5] with length 3",
		"github.com/theriac/theriac/consumer/guardian/inflight.(*Region).Begin",
		"/go/pkg/mod/github.com/getsentry/sentry-go@v0.50.0/transport.go:776 +0x1d",
		"message 01890c3f-7d5e-7c3a-9f2b-1a2b3c4d5e6f", "context deadline exceeded", `unexpected status "500"`,
		"ERROR: duplicate key value violates unique constraint \"orders_pkey\" (SQLSTATE 23505)",
		"goroutine 86 [running]:\nmain.(*T).f(0x1, 0x2)\n\t/src/main.go:118 +0x1d\n",
		"dial tcp 10.0.0.1:5432: connect: connection refused",
	} {
		if got := telemetry.Scrub(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestScrub_Hostile: texts can be of any kind, and it is called while a message waits.
func TestScrub_Hostile(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"a@", "1 ", "eyJa.", "-----BEGIN A-----", "password=", "a", "://", "\xff", "%40", "token:\"", "sk_live_"} {
		text := strings.Repeat(piece, 16<<10/len(piece))
		before := time.Now()
		_ = telemetry.Scrub(text)
		// Some milliseconds; the race detector makes it a second.
		if took := time.Since(before); took > 10*time.Second {
			t.Errorf("16 KiB of %q took %v", piece, took)
		}
	}
}

func FuzzScrub(f *testing.F) {
	for _, canary := range canaries {
		f.Add("before ", canary, " after")
	}
	f.Fuzz(func(t *testing.T, before, canary, after string) {
		_ = telemetry.Scrub(before + canary + after)
		// Whatever stands around it on lines of its own, an address goes.
		if got := telemetry.Scrub(before + "\nada@example.com\n" + after); strings.Contains(got, "ada@example.com") {
			t.Errorf("%q", got)
		}
	})
}

func BenchmarkScrub(b *testing.B) {
	text := strings.Repeat("cannot book 4711 for ada@example.com: ledger is closed\n", 4<<10/54)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_ = telemetry.Scrub(text)
	}
}
