package e2e

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is a TCP connection that a test can spoil.
type link struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// newLink puts a proxy before upstream, a host:port on loopback.
func newLink(t *testing.T, upstream string) *link {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	return &link{t: t, proxy: proxy}
}

// before returns the address a with this link's host and port.
func (l *link) before(a string) string {
	l.t.Helper()
	u, err := url.Parse(a)
	if err != nil {
		l.t.Fatal(err)
	}
	u.Host = l.proxy.Listen
	return u.String()
}

// cut resets all connections and refuses new ones, until restore.
func (l *link) cut() { l.proxy.Stop() }

func (l *link) restore() {
	l.t.Helper()
	if err := l.proxy.Start(); err != nil {
		l.t.Error(err)
	}
}

// toxic adds a toxiproxy toxic in both directions and returns how to remove it.
func (l *link) toxic(kind, attributes string) (remove func()) {
	l.t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		json := `{"name":"` + kind + stream + `","type":"` + kind + `","stream":"` + stream + `","attributes":` + attributes + `}`
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(json)); err != nil {
			l.t.Error(err)
		}
	}
	return func() { l.proxy.Toxics.ResetToxics(context.Background()) }
}
