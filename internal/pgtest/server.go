package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds each start of the server, recovery after a crash included.
const startTimeout = time.Minute

// template is the database that [Options.Migrate] fills and every other one is cloned from.
const template = "pgtest_template"

// Options says what kind of server is wanted. The zero value is a durable one with empty databases,
// reached over its unix socket alone.
type Options struct {
	// Migrate prepares the database at url, once per server; every database is a clone of the
	// result. It must have closed its connections when it returns. Nil leaves databases empty.
	Migrate func(ctx context.Context, url string) error
	// NoSync turns fsync off. Commits then survive [Server.Stop] and any death of processes, but
	// not of the machine: right for tests of behaviour, wrong for benchmarks.
	NoSync bool
	// TCP makes the server listen on a free port of 127.0.0.1 as well, and URLs name that port, so
	// that a test can put a proxy between. A password is then required; URLs carry it.
	TCP bool
	// Settings are further server settings, each "name=value"; they win over those made here.
	Settings []string
}

// Server is a running PostgreSQL. Its methods are safe for concurrent use, except that Stop,
// Restart and Close must not overlap.
type Server struct {
	options  Options
	bin      string
	dir      string
	user     *syscall.Credential
	password string
	port     int
	process  *process // nil while stopped

	cloning sync.Mutex // clones are made one at a time: a template must have no other user
	clones  atomic.Int64
}

// Launch makes a cluster and starts it; it takes about a second. The caller must Close it. ctx bounds
// the start only.
func Launch(ctx context.Context, options Options) (*Server, error) {
	bin, err := binaries(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, bin: bin, password: rand.Text(), port: 5432}
	if s.user, err = serverUser(); err != nil {
		return nil, err
	}
	if err := s.launch(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) launch(ctx context.Context) error {
	if err := s.initialise(ctx); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.makeTemplate(ctx)
}

// initialise creates the directory and the cluster in it.
func (s *Server) initialise(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "theriac-pg-"); err != nil {
		return err
	}
	if longest := 107; len(s.dir)+len("/.s.PGSQL.65535") > longest {
		return fmt.Errorf("%s is too long for a unix socket: set TMPDIR to a shorter folder", s.dir)
	}
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.user != nil {
		for _, name := range []string{s.dir, secret} {
			if err := os.Chown(name, int(s.user.Uid), int(s.user.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata", s.data(),
		"--username=postgres", "--pwfile", secret, "--auth-local=trust", "--auth-host=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	prepare(cmd, s.dir, s.user)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, tail(out))
	}
	return nil
}

// Dir returns the directory that holds the server's data and its socket.
func (s *Server) Dir() string { return s.dir }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// start runs the server. With TCP the port is asked of the kernel the first time; somebody else may
// take it before the server does, so a few are tried. Later starts keep the port.
func (s *Server) start(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	const defaultPort, tries = 5432, 3
	for range tries {
		fresh := s.options.TCP && s.port == defaultPort
		if fresh {
			if s.port, err = freePort(ctx); err != nil {
				return err
			}
		}
		if s.process, err = startProcess(ctx, s.dir, s.user, s.commandLine()); err == nil || !fresh || ctx.Err() != nil {
			return err
		}
		s.port = defaultPort
	}
	return err
}

func (s *Server) commandLine() []string {
	line := []string{
		filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-p", strconv.Itoa(s.port),
		"-c", "max_connections=200",
		"-c", "listen_addresses=" + s.address(),
	}
	if s.options.NoSync {
		line = append(line, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	for _, setting := range s.options.Settings {
		line = append(line, "-c", setting)
	}
	return line
}

// address returns what the server listens on beside its socket.
func (s *Server) address() string {
	if s.options.TCP {
		return "127.0.0.1"
	}
	return ""
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(fmt.Errorf("listening on %v, which is no TCP address", l.Addr()), l.Close())
	}
	return addr.Port, l.Close()
}

// URL returns the connection string of a database, "postgres" being the one that is always there.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database}
	query := url.Values{"sslmode": {"disable"}}
	if s.options.TCP {
		u.User = url.UserPassword("postgres", s.password)
		u.Host = net.JoinHostPort(s.address(), strconv.Itoa(s.port))
	} else {
		query.Set("host", s.dir)
		query.Set("port", strconv.Itoa(s.port))
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func (s *Server) makeTemplate(ctx context.Context) error {
	if err := s.exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	if s.options.Migrate == nil {
		return nil
	}
	if err := s.options.Migrate(ctx, s.URL(template)); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	return nil
}

// CreateDatabase makes a new database, a clone of the migrated template, and returns its name.
func (s *Server) CreateDatabase(ctx context.Context) (string, error) {
	name := "test_" + strconv.FormatInt(s.clones.Add(1), 10)
	s.cloning.Lock()
	defer s.cloning.Unlock()
	return name, s.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template)
}

// DropDatabase removes a database and closes the connections that are left to it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	return s.exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

func (s *Server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// PID returns the process id of the postmaster, for tests that kill it or stop it.
func (s *Server) PID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// Stop ends the server the way a crash does (an immediate shutdown: no checkpoint, connections
// cut) and returns when its last process is gone. Data stay. Stopping twice is no error.
func (s *Server) Stop() error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	return p.stop()
}

// Restart stops the server like Stop if it runs, starts it again at the same address and returns
// when it has recovered and accepts connections.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.start(ctx)
}

// Close stops the server and removes its data. Closing twice is no error.
func (s *Server) Close() error {
	err := s.Stop()
	if s.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
