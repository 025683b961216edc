package natsjs_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/theriac/theriac/consumer/natsjs/embedded"
)

// proxy stands between client and broker and can hold back what they say to
// each other, as a network does that drops packets without closing anything.
type proxy struct {
	upstream string
	listener net.Listener
	copies   sync.WaitGroup

	mu    sync.Mutex
	open  chan struct{} // closed while bytes may pass
	conns []net.Conn
}

// startProxy returns a proxy before e and the endpoint by which it is reached.
func startProxy(t *testing.T, e embedded.Endpoint) (*proxy, embedded.Endpoint) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{upstream: strings.TrimPrefix(e.URL, "nats://"), listener: listener, open: make(chan struct{})}
	close(p.open)
	p.copies.Go(p.accept)
	t.Cleanup(func() {
		p.resume()
		_ = listener.Close()
		p.cut()
		p.copies.Wait()
	})
	e.URL = "nats://" + listener.Addr().String()
	return p, e
}

func (p *proxy) accept() {
	for {
		down, err := p.listener.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", p.upstream)
		if err != nil {
			_ = down.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, down, up)
		p.mu.Unlock()
		p.copies.Go(func() { p.copy(down, up) })
		p.copies.Go(func() { p.copy(up, down) })
	}
}

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		<-open
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// hold lets nothing pass until resume.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
