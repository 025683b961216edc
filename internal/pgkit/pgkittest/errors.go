package pgkittest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func testKinds(t *testing.T, kit Kit) {
	for _, tt := range []struct {
		want  error
		codes []string
	}{
		// NUL or invalid UTF-8 in text, numbers out of range, too large or too deep, what a check refuses
		{kit.Kinds.Refused, []string{"22021", "22P05", "22003", "54000", "54001", "23514", "23505"}},
		// connection, rollback, disk full, too many connections, lock, statement timeout, shutdown, I/O
		// error, read-only after a failover, wrong password, no such database
		{kit.Kinds.Unavailable, []string{"08006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01",
			"58030", "25006", "28P01", "3D000"}},
		{kit.Kinds.Schema, []string{"42P01", "42703", "3F000"}}, // no such table, column, schema
	} {
		for _, code := range tt.codes {
			server := &pgconn.PgError{Code: code, Message: "m"}
			err := kit.Classify(fmt.Errorf("wrapped: %w", server))
			if !errors.Is(err, tt.want) || !errors.Is(err, server) {
				t.Errorf("%s: %v, want %v and the server's own", code, err, tt.want)
			}
		}
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if got := kit.Classify(err); !errors.Is(got, kit.Kinds.Unavailable) || !errors.Is(got, err) {
			t.Errorf("%v became %v, want %v and itself", err, got, kit.Kinds.Unavailable)
		}
	}
	for _, err := range []error{&pgconn.PgError{Code: "42601"}, &pgconn.PgError{}, errors.New("a mistake of ours")} {
		got := kit.Classify(err)
		for _, kind := range []error{kit.Kinds.Unavailable, kit.Kinds.Refused, kit.Kinds.Schema} {
			if errors.Is(got, kind) {
				t.Errorf("%v is taken for %v", err, kind)
			}
		}
	}
	if err := kit.Classify(nil); err != nil {
		t.Errorf("nothing became %v", err)
	}
}

func testNoPassword(t *testing.T, kit Kit) {
	for name, url := range map[string]string{
		"nobody listens": "postgres://ana:s3cret@127.0.0.1:1/db?connect_timeout=1",
		"in parameters":  "postgres://ana@127.0.0.1:1/db?password=s3cret&connect_timeout=1",
		"key and value":  "host=127.0.0.1 port=1 user=ana password=s3cret connect_timeout=1",
		"bad port":       "postgres://ana:s3cret@127.0.0.1:port/db",
		"bad escape":     "postgres://ana:s3cret%zz@127.0.0.1/db",
		"bad parameter":  "postgres://ana:s3cret@127.0.0.1/db?sslmode=s3cret",
		"no URL":         "s3cret",
	} {
		want := kit.Kinds.Invalid
		if strings.HasPrefix(url, "postgres://") && strings.Contains(url, "127.0.0.1:1/") {
			want = kit.Kinds.Unavailable
		}
		_, err := kit.Open(t.Context(), url, Options{})
		if !errors.Is(err, want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want one that wraps %v and shows no password", name, err, want)
		}
	}
}

func testWrongSetting(t *testing.T, kit Kit) {
	url := kit.Postgres.Database(t)
	for name, tt := range map[string]struct {
		url string
		opt Options
	}{
		"no URL":               {"", Options{}},
		"another scheme":       {"mysql://127.0.0.1/db", Options{}},
		"less than none":       {url, Options{MaxConns: -1}},
		"no time":              {url, Options{StatementTimeout: -time.Second}},
		"less than is counted": {url, Options{StatementTimeout: 1}},
		"more than is counted": {url, Options{StatementTimeout: 30 * 24 * time.Hour}},
	} {
		if _, err := kit.Open(t.Context(), tt.url, tt.opt); !errors.Is(err, kit.Kinds.Invalid) {
			t.Errorf("%s: %v, want %v", name, err, kit.Kinds.Invalid)
		}
	}
}
