package inflight_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// childRole chooses, in its environment, what a child of the tests does instead of testing.
const childRole = "THERIAC_INFLIGHT_TEST_CHILD"

func TestMain(m *testing.M) {
	switch role := os.Getenv(childRole); role {
	case "":
		goleak.VerifyTestMain(m)
	case "spin":
		spin()
	case "limited":
		createWithFileSizeLimit()
	default:
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(2)
	}
}

// pair is a table, and the mapping of it that a worker would have.
func pair(t testing.TB, c inflight.Config) (*inflight.Table, *inflight.Mapping) {
	t.Helper()
	table, err := inflight.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noError(t, table.Close(), table.Remove()) })
	mapping, err := inflight.Open(table.File())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noError(t, mapping.Close()) })
	return table, mapping
}

// subscribe takes all slots of a mapping.
func subscribe(t testing.TB, m *inflight.Mapping) *inflight.Region {
	t.Helper()
	r, err := m.Subscribe("orders", m.Slots())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameBytes compares data at once instead of byte by byte.
func sameBytes() cmp.Option { return cmp.Comparer(bytes.Equal) }

func noError(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// message makes a message of which every byte follows from its id, so that whoever reads it back
// can tell whether it is whole. noise is the pattern that data is cut from.
func message(random *rand.Rand, noise []byte, size int) *inflight.Begin {
	return messageOf(fmt.Sprintf("%d/%d", random.Uint32(), size), noise)
}

func messageOf(id string, noise []byte) *inflight.Begin {
	seedText, sizeText, _ := strings.Cut(id, "/")
	seed, _ := strconv.Atoi(seedText)
	size, _ := strconv.Atoi(sizeText)
	b := &inflight.Begin{
		ID: id, OrderingKey: "key of " + id, AckToken: "token of " + id,
		Data:       noise[seed%4096:][:size],
		Attributes: map[string]string{"seed": seedText, "size": sizeText},
		Attempt:    size, Started: time.Unix(int64(seed), 1).UTC(),
		Deadline: time.Unix(int64(seed), 2).UTC(), Published: time.Unix(int64(seed), 3).UTC(),
	}
	b.TraceID[3], b.SpanID[4] = byte(seed), byte(size)
	return b
}

// outcomeOf is the outcome that writers of the tests report for a message.
func outcomeOf(b *inflight.Begin) uint8 { return uint8(len(b.Data) % 8) }

func noise() []byte {
	bytes := make([]byte, 4096+100<<10)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(bytes)
	return bytes
}
