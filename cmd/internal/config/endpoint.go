package config

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/theriac/theriac/internal/problem"
)

// Kind is which engine an Endpoint is of.
type Kind string

// The kinds: two stores, three brokers.
const (
	Postgres Kind = "postgres"
	SQLite   Kind = "sqlite"
	NATS     Kind = "nats"
	PubSub   Kind = "pubsub"
	Embedded Kind = "embedded" // the broker that runs in the data directory
)

// Endpoint is a store or a broker.
type Endpoint struct {
	Kind Kind
	// Address is what the engine's client wants: the whole URL for Postgres and NATS, the path for
	// SQLite and for the embedded broker, the project for Pub/Sub. It may hold a password.
	Address string
	// Own reports that it is the data directory's own because nothing else was named.
	Own bool
}

const (
	storeForms  = "postgres://USER@HOST:PORT/DB, sqlite:PATH, sqlite:///PATH"
	brokerForms = "nats://HOST:PORT, pubsub://PROJECT"
)

// ParseStore reads a store URL; an empty one means the file in the data directory.
func ParseStore(text, dataDir string) (Endpoint, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch scheme {
	case "":
		if text == "" {
			return Endpoint{SQLite, StoreFile(dataDir), true}, nil
		}
	case "postgres", "postgresql":
		if _, err := url.Parse(text); err == nil && strings.HasPrefix(rest, "//") {
			return Endpoint{Kind: Postgres, Address: text}, nil
		}
	case "sqlite":
		if path, ok := sqlitePath(rest); ok {
			return Endpoint{Kind: SQLite, Address: path}, nil
		}
	}
	return Endpoint{}, invalid("store", text, storeForms)
}

func sqlitePath(rest string) (string, bool) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		return after, filepath.IsAbs(after)
	}
	return rest, rest != "" && !strings.ContainsAny(rest, "?\x00")
}

// ParseBroker reads a broker URL; an empty one means the broker in the data directory.
func ParseBroker(text, dataDir string) (Endpoint, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	switch {
	case text == "":
		return Endpoint{Embedded, BrokerDir(dataDir), true}, nil
	case scheme == "nats" && rest != "":
		return Endpoint{Kind: NATS, Address: text}, nil
	case scheme == "pubsub" && rest != "" && !strings.ContainsAny(rest, "/?#@ "):
		return Endpoint{Kind: PubSub, Address: rest}, nil
	default:
		return Endpoint{}, invalid("broker", text, brokerForms)
	}
}

// invalid names the URL by its scheme alone: the rest may hold a password.
func invalid(what, text, forms string) error {
	scheme, _, ok := strings.Cut(text, ":")
	if !ok {
		return problem.Errorf(problem.Invalid, "the %s is not a URL; known forms: %s", what, forms)
	}
	return problem.Errorf(problem.Invalid, "the %s URL %s:… cannot be used; known forms: %s", what, scheme, forms)
}

// String returns the endpoint as it may be shown: without passwords and tokens.
func (e Endpoint) String() string {
	switch e.Kind {
	case Postgres:
		return hidePassword(e.Address)
	case NATS:
		return hideUsers(e.Address)
	case PubSub:
		return "pubsub://" + e.Address
	case Embedded:
		return "embedded broker in " + e.Address
	default:
		return "sqlite:" + e.Address
	}
}

// Place returns where it is, for an error: host and port, path or project.
func (e Endpoint) Place() string {
	if e.Kind != Postgres {
		return e.String()
	}
	u, err := url.Parse(e.Address)
	if err != nil {
		return "postgres"
	}
	if host := u.Query().Get("host"); u.Host == "" && host != "" {
		return host
	}
	return u.Host
}

// hidePassword keeps the user's name and drops the password and every query parameter that is not
// about transport.
func hidePassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://…"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	shown := url.Values{}
	for _, key := range []string{"host", "port", "sslmode"} {
		if v := u.Query().Get(key); v != "" {
			shown.Set(key, v)
		}
	}
	u.RawQuery, u.Fragment = shown.Encode(), ""
	return u.String()
}

// hideUsers drops users altogether: a NATS token stands where a name would. The address may list
// several servers.
func hideUsers(address string) string {
	servers := strings.Split(address, ",")
	for i, server := range servers {
		if at := strings.LastIndex(server, "@"); at >= 0 {
			server = "nats://" + server[at+1:]
		}
		server, _, _ = strings.Cut(server, "?")
		servers[i] = server
	}
	return strings.Join(servers, ",")
}

// Name is what a person types to confirm something that is hard to undo: the database's or the
// file's name.
func (e Endpoint) Name() string {
	if e.Kind != Postgres {
		return filepath.Base(e.Address)
	}
	if u, err := url.Parse(e.Address); err == nil && len(u.Path) > 1 {
		return u.Path[1:]
	}
	return "postgres"
}
