package natsjs

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectConfig says how to reach a broker. Only URL is required.
type ConnectConfig struct {
	// URL is one address or several with commas between: nats://host:port.
	URL string

	// TokenFile is a file with the token to present, such as the one that
	// embedded.Find names. It is read again for each connection. Default: none.
	TokenFile string

	// Name is shown among the broker's connections. Default "theriac".
	Name string
}

// Connect connects to a broker. The connection comes back by itself however
// long the broker is away; it closes only by Close, or when the broker refuses
// the credentials twice. The caller closes it.
func Connect(cfg ConnectConfig) (*nats.Conn, error) {
	public, err := publicURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	name := cfg.Name
	if name == "" {
		name = "theriac"
	}
	opts := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(200*time.Millisecond, time.Second),
		nats.PingInterval(10 * time.Second), // a dead network is noticed within 30 s
		nats.ReconnectBufSize(64 << 20),     // what is settled while the broker is away
		// The client would print to stderr; a source reports to Limits.Trouble.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if cfg.TokenFile != "" {
		// Read now for the sake of a clear error: the handler has none.
		if _, err := readToken(cfg.TokenFile); err != nil {
			return nil, fmt.Errorf("connect to the broker at %s: %w", public, err)
		}
		opts = append(opts, nats.TokenHandler(func() string {
			token, _ := readToken(cfg.TokenFile) // without it the broker refuses
			return token
		}))
	}
	conn, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker at %s: %w: check that it runs and that the address and credentials are right", public, err)
	}
	return conn, nil
}

func readToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the broker's token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// publicURL is addresses without user, password or token. What cannot be read is
// refused here, since the client's own error would quote it whole.
func publicURL(addresses string) (string, error) {
	var public []string
	for i, address := range strings.Split(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("connect to the broker: address %d is not of the form nats://host:port", i+1)
		}
		public = append(public, (&url.URL{Scheme: u.Scheme, Host: u.Host}).String())
	}
	return strings.Join(public, ","), nil
}
