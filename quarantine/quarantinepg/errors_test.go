package quarantinepg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code string
		want error
	}{
		{"22021", quarantine.ErrRefusedData}, // NUL or invalid UTF-8 in text
		{"22P05", quarantine.ErrRefusedData},
		{"22003", quarantine.ErrRefusedData},
		{"54001", quarantine.ErrRefusedData}, // too deep
		{"23505", quarantine.ErrRefusedData},
		{"08006", quarantine.ErrUnavailable},
		{"40001", quarantine.ErrUnavailable},
		{"40P01", quarantine.ErrUnavailable},
		{"53100", quarantine.ErrUnavailable}, // disk full
		{"53300", quarantine.ErrUnavailable}, // too many connections
		{"55P03", quarantine.ErrUnavailable},
		{"57014", quarantine.ErrUnavailable}, // statement timeout
		{"57P01", quarantine.ErrUnavailable},
		{"58030", quarantine.ErrUnavailable}, // I/O error
		{"25006", quarantine.ErrUnavailable}, // read-only after a failover
		{"28P01", quarantine.ErrUnavailable}, // wrong password
		{"3D000", quarantine.ErrUnavailable}, // no such database
		{"42P01", quarantine.ErrSchema},      // no such table
	} {
		err := quarantinepg.Classify(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: tt.code, Message: "m"}))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.code, err, tt.want)
		}
		if _, ok := errors.AsType[*pgconn.PgError](err); !ok {
			t.Errorf("%s: the server's error is lost", tt.code)
		}
	}
	same := quarantinepg.Classify(&pgconn.PgError{Code: "23505", ConstraintName: "audit_request"})
	if !errors.Is(same, quarantine.ErrDuplicate) || errors.Is(same, quarantine.ErrRefusedData) {
		t.Errorf("the same request at the same moment: %v, want ErrDuplicate", same)
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if got := quarantinepg.Classify(err); !errors.Is(got, quarantine.ErrUnavailable) || !errors.Is(got, err) {
			t.Errorf("%v became %v, want ErrUnavailable and itself", err, got)
		}
	}
	for _, err := range []error{&pgconn.PgError{Code: "42601"}, &pgconn.PgError{}, errors.New("a mistake of ours")} {
		got := quarantinepg.Classify(err)
		for _, kind := range []error{quarantine.ErrUnavailable, quarantine.ErrRefusedData, quarantine.ErrSchema} {
			if errors.Is(got, kind) {
				t.Errorf("%v is taken for %v", err, kind)
			}
		}
	}
}

func TestOpen_NeverShowsThePassword(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"nobody listens": "postgres://ana:s3cret@127.0.0.1:1/db?connect_timeout=1",
		"in parameters":  "postgres://ana@127.0.0.1:1/db?password=s3cret&connect_timeout=1",
		"key and value":  "host=127.0.0.1 port=1 user=ana password=s3cret connect_timeout=1",
		"bad port":       "postgres://ana:s3cret@127.0.0.1:port/db",
		"bad escape":     "postgres://ana:s3cret%zz@127.0.0.1/db",
		"bad parameter":  "postgres://ana:s3cret@127.0.0.1/db?sslmode=s3cret",
		"no URL":         "s3cret",
	} {
		_, err := quarantinepg.Open(t.Context(), quarantinepg.Config{URL: url})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(err, quarantine.ErrUnavailable) && !errors.Is(err, quarantine.ErrInvalid) {
			t.Errorf("%s: %v, want ErrUnavailable or ErrInvalid", name, err)
		}
	}
	for url, want := range map[string]string{
		"postgres://ana:s3cret@db.example:5432/theriac?sslmode=require&x=s3cret": "postgres://ana@db.example:5432/theriac?sslmode=require",
		"host=db password=s3cret": "postgres://…",
		"postgres:///theriac?host=/run/postgresql&password=s3cret&sslpassword=s3cret": "postgres:///theriac?host=%2Frun%2Fpostgresql",
	} {
		if got := quarantinepg.Redact(url); got != want {
			t.Errorf("Redact(%q) = %q, want %q", url, got, want)
		}
	}
}
