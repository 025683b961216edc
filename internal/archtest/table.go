package archtest

import "slices"

// row says what one package, or all packages under "path/...", may import beside the standard
// library and themselves.
type row struct {
	pkg     string
	ours    []string // paths in this module
	outside []string // other modules, or packages of them
	tests   []string // what its test files may import as well, ours or outside
	why     string
}

// Outside modules that stand for one thing together.
const (
	cmp      = "github.com/google/go-cmp"
	gax      = "github.com/googleapis/gax-go/v2"
	genproto = "google.golang.org/genproto"
	goleak   = "go.uber.org/goleak"
	goose    = "github.com/pressly/goose/v3"
	grpc     = "google.golang.org/grpc"
	nats     = "github.com/nats-io/nats.go"
	pgx      = "github.com/jackc/pgx/v5"
	protobuf = "google.golang.org/protobuf"
	pubsub   = "cloud.google.com/go/pubsub/v2"
	slack    = "github.com/slack-go/slack"
	sqlite   = "modernc.org/sqlite"
	uuid     = "github.com/google/uuid"
	xsys     = "golang.org/x/sys"
)

// runner is what every room may use: goroutines with an owner.
const runner = "internal/runner"

// importTable returns who may import whom. The first row that matches a package wins, and a
// package without a row is a mistake. Rows of packages that do not exist yet are kept, so that
// whoever writes the package finds its place decided.
func importTable() []row {
	return slices.Concat(
		handlersRows(), consumerRows(), quarantineRows(), incidentRows(), commandRows(), internalRows())
}

func handlersRows() []row {
	return []row{
		{pkg: "handlers", why: "users import it everywhere"},
		{pkg: "handlers/handlertest", ours: []string{"handlers"},
			why: "build messages, run a handler, ask what its error means"},
		{pkg: "handlers/redact", why: "one allow-list for every surface, the guardian's standard error included"},
		{pkg: "handlers/workflow", ours: []string{"handlers", "incident", runner}, tests: []string{"incident/incidenttest"},
			why: "shipped incident handlers; a row of its own, so that handlers stays a leaf"},
	}
}

func consumerRows() []row {
	ours := []string{"consumer", "handlers", runner}
	guardian := []string{
		"consumer/guardian/inflight", "consumer/guardian/crashtrace", "consumer/guardian/verdict",
		"consumer/guardian/crashrecord", "consumer/guardian/relay",
	}
	return []row{
		{pkg: "consumer", ours: []string{"handlers", "consumer/guardian/inflight", runner},
			outside: []string{"github.com/cenkalti/backoff/v4", "github.com/sony/gobreaker/v2"},
			why:     "knows that poison goes somewhere, not where"},
		{pkg: "consumer/guardian", ours: with(guardian, "handlers/redact", runner), outside: []string{xsys},
			why: "small parent: no store, no broker, no web"},
		{pkg: "consumer/guardian/inflight", outside: []string{xsys},
			why: "both sides of shared memory, and nothing that the other side could break"},
		{pkg: "consumer/guardian/crashtrace", ours: []string{runner},
			why: "reads what a dying runtime prints"},
		{pkg: "consumer/guardian/verdict", ours: guardian[:2],
			why: "a pure function: evidence in, blame out"},
		{pkg: "consumer/guardian/crashrecord", ours: guardian[:3], outside: []string{xsys},
			why: "one death on disk"},
		{pkg: "consumer/guardian/relay", ours: []string{runner},
			why: "carries requests; knows neither Sentry nor OpenTelemetry"},
		{pkg: "consumer/ward", ours: with(ours, append(guardian, "consumer/guardian")...),
			why: "brings the guardian's words to consumers, and a consumer's messages to its wards"},
		{pkg: "consumer/gcppubsub", ours: ours,
			outside: []string{pubsub, "google.golang.org/api", grpc, protobuf},
			tests:   []string{"internal/fakepubsub"},
			why:     "the one place with Google's client"},
		{pkg: "consumer/natsjs", ours: ours, outside: []string{nats},
			tests: []string{"consumer/natsjs/embedded"},
			why:   "the one place with the NATS client"},
		{pkg: "consumer/natsjs/embedded", ours: []string{runner},
			outside: []string{"github.com/nats-io/nats-server/v2"}, tests: []string{nats},
			why: "starts a broker; nobody links the server who does not start one"},
		{pkg: "consumer/telemetry", ours: with(ours, "handlers/redact"),
			outside: []string{"go.opentelemetry.io/otel", "github.com/getsentry/sentry-go"},
			tests:   []string{"consumer/consumertest", "internal/fakesentry"},
			why:     "evidence leaves here"},
		{pkg: "consumer/consumertest", ours: []string{"consumer", "consumer/guardian", "handlers", runner},
			outside: []string{cmp, goleak},
			why:     "scripted source, recorder, source suite"},
	}
}

func quarantineRows() []row {
	ours := []string{"quarantine", "handlers", runner}
	return []row{
		{pkg: "quarantine", ours: []string{"handlers", runner},
			outside: []string{uuid},
			why:     "usable without our consumer"},
		{pkg: "quarantine/quarantinepg", ours: with(ours, "internal/pgkit", "internal/migrate"), outside: []string{pgx},
			tests: []string{"internal/pgkit/pgkittest"},
			why:   "its SQL and nobody else's"},
		{pkg: "quarantine/quarantinelite", ours: with(ours, "internal/litekit", "internal/localfile", "internal/migrate", "internal/sqlrows"),
			tests: []string{"internal/litekit/litekittest", "internal/storetest"},
			why:   "the same store, embedded"},
		{pkg: "quarantine/quarantineslack", ours: with(ours, "handlers/redact", "internal/slackkit", "internal/notify"), outside: []string{slack},
			tests: []string{"internal/slackkit/slackfake", "internal/notify/notifyfake", "quarantine/quarantinelite"},
			why:   "speaks to the Service, never to SQL"},
		{pkg: "quarantine/quarantineweb", ours: with(ours, "handlers/redact", "internal/webkit", "internal/problem"),
			why: "speaks to the Service, never to SQL"},
		{pkg: "quarantine/quarantinetest", ours: with(ours, "internal/storetest"), outside: []string{cmp},
			why: "in-memory store, store suite"},
	}
}

func incidentRows() []row {
	ours := []string{"incident", "handlers", runner}
	return []row{
		{pkg: "incident", ours: []string{"handlers", runner}, outside: []string{uuid},
			why: "words only: never consumer, quarantine, a store or a web package"},
		{pkg: "incident/incidentpg", ours: with(ours, "internal/pgkit", "internal/migrate"), outside: []string{pgx},
			tests: []string{"internal/pgkit/pgkittest"},
			why:   "its SQL and nobody else's"},
		{pkg: "incident/incidentlite", ours: with(ours, "internal/litekit", "internal/localfile", "internal/migrate", "internal/sqlrows"),
			tests: []string{"internal/litekit/litekittest", "internal/storetest"},
			why:   "the same store, embedded"},
		{pkg: "incident/incidentslack", ours: with(ours, "handlers/workflow", "internal/slackkit"), outside: []string{slack},
			tests: []string{"internal/slackkit/slackfake", "incident/incidenttest"},
			why:   "speaks to the domain, never to SQL; the workflow owns Chat, which it implements, and takes its handlers"},
		{pkg: "incident/incidentweb", ours: with(ours, "internal/webkit", "internal/problem"),
			why: "a link to an entry is a function handed in by cmd"},
		{pkg: "incident/incidentclock", ours: ours, tests: []string{"incident/incidenttest"},
			why: "relay, beats and watchdog: it runs no handlers and opens no document"},
		{pkg: "incident/incidenttest", ours: ours, outside: []string{cmp},
			why: "in-memory store, store suite"},
	}
}

func commandRows() []row {
	return []row{
		{pkg: "cmd/theriac", ours: []string{"cmd/internal/...", runner},
			why: "a short main: pass arguments and streams, exit with a code"},
		{pkg: "cmd/incidentd", ours: []string{"cmd/internal/...", runner},
			why: "likewise"},
		{pkg: "cmd/internal/...",
			ours: []string{"cmd/internal/...", "handlers/...", "consumer/...", "quarantine/...", "incident/...", "internal/..."},
			outside: []string{
				"github.com/spf13/cobra", "github.com/cli/go-gh/v2",
				"github.com/vbauerster/mpb/v8", "github.com/caarlos0/env/v11", "go.opentelemetry.io/otel",
				"go.opentelemetry.io/proto/otlp", "github.com/prometheus/client_golang", "github.com/prometheus/otlptranslator",
				protobuf, pgx, pubsub, "google.golang.org/api", grpc, nats, "github.com/getsentry/sentry-go",
				uuid, xsys, "golang.org/x/term", "golang.org/x/text",
			},
			tests: []string{sqlite},
			why:   "the only wiring, the only reader of the environment"},
		{pkg: "examples/...", ours: []string{"handlers/...", "consumer/...", "quarantine/...", "incident/..."},
			outside: []string{anything},
			why:     "never internal or cmd: they must compile for outsiders"},
	}
}

func internalRows() []row {
	return []row{
		{pkg: "internal/archtest", ours: []string{"internal/..."}, why: "keeps this table"},
		{pkg: "internal/pgtest", ours: []string{"internal/..."}, outside: []string{pgx},
			why: "a private Postgres for tests; the schema is handed in"},
		{pkg: "internal/fakepubsub", ours: []string{runner}, outside: []string{pubsub, grpc, genproto, protobuf},
			tests: []string{"consumer", "consumer/gcppubsub", "consumer/consumertest", "handlers", "google.golang.org/api", gax},
			why:   "a Pub/Sub server with the documented rules, for tests, drills and benchmarks"},
		{pkg: "internal/fakeotlp", ours: []string{runner}, outside: []string{"go.opentelemetry.io/proto/otlp", protobuf},
			why: "a collector of spans, for tests and drills"},
		{pkg: "internal/slackkit/...", ours: []string{"internal/..."}, outside: []string{slack, "github.com/gorilla/websocket"},
			why: "Slack client and its budget"},
		{pkg: "internal/migrate", ours: []string{"internal/..."}, outside: []string{goose},
			tests: []string{pgx, sqlite},
			why:   "runs an embedded folder of migrations"},
		{pkg: "internal/pgkit/pgkittest", ours: []string{"internal/..."}, outside: []string{pgx, cmp},
			why: "what pgkit promises, for the tests of each store"},
		{pkg: "internal/pgkit", ours: []string{"internal/..."}, outside: []string{pgx, goose},
			why: "pool, errors and migrations of any store in Postgres: it knows no statement of one"},
		{pkg: "internal/litekit/litekittest", ours: []string{"internal/..."}, outside: []string{sqlite, cmp},
			why: "what litekit promises, for the tests of each store"},
		{pkg: "internal/litekit", ours: []string{"internal/..."}, outside: []string{sqlite, goose},
			why: "file, errors, transactions and migrations of any store in SQLite: it knows no statement of one"},
		{pkg: "internal/sqlrows", ours: []string{"internal/..."}, tests: []string{sqlite},
			why: "collects rows"},
		{pkg: "internal/...", ours: []string{"internal/..."},
			why: "helpers that know no word of a room"},
	}
}

func with(ours []string, more ...string) []string { return slices.Concat(ours, more) }

// testModules returns the outside modules that any test file may import.
func testModules() []string {
	return []string{
		cmp, goleak, "pgregory.net/rapid", "github.com/rogpeppe/go-internal", "github.com/Shopify/toxiproxy/v2",
		"github.com/rs/zerolog", // the logger that toxiproxy asks for
	}
}

// folders returns the folders at the top of the repository: the rooms, and docs.
func folders() []string {
	return []string{"cmd", "consumer", "docs", "examples", "handlers", "incident", "internal", "quarantine"}
}

// ignored reports whether a folder is made by running things here and never committed.
func ignored(dir string) bool { return dir == "bin" || dir == "theriac-data" }

// Exceptions returns, per rule, the files that may break it. The reason stands beside each; an entry
// whose file is gone, or needs it no more, is a mistake too.
func Exceptions() map[string]map[string]string {
	return map[string]map[string]string{
		"goroutines": {
			"internal/runner/group.go":                       "the owner of all goroutines",
			"consumer/guardian/unrecovered_test.go":          "a goroutine that nobody recovers is what it tests",
			"cmd/internal/e2e/guardian_test.go":              "so it is here",
			"cmd/internal/e2e/ward_test.go":                  "and here",
			"cmd/internal/incidentd/acceptance/shop_test.go": "and in the program of somebody who uses us",
			"cmd/internal/drill/replica/unowned.go":          "and what drills are about",
			"cmd/internal/incidentd/unowned.go":              "the mistake of the demo's service",
			"examples/guarded/main.go":                       "and the mistake that a guardian is for",
		},
		"test code": {
			"cmd/internal/drill/databases.go":        "a drill's database is thrown away like a test's",
			"cmd/internal/drill/incidents/engine.go": "and so is this one's",
		},
		"process state": {
			"consumer/guardian/environment.go": "the guardian makes processes out of this one",
		},
	}
}
