package fakeotlp

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/internal/runner"
)

const (
	path = "/v1/traces"
	// maxBody bounds one request, packed and unpacked.
	maxBody = 16 << 20
)

// Span is a span as it arrived.
type Span struct {
	// TraceID, SpanID and ParentID are in hex; ParentID is "" of a root.
	TraceID, SpanID, ParentID string
	Name                      string
	Start, End                time.Time
	// Attributes are those that are texts.
	Attributes map[string]string
	// Links are the spans that it is linked to, as trace and span id with a blank between.
	Links []string
	// Failed: its status is an error, with Status as its description.
	Failed bool
	Status string
}

// Key names a span: trace and span id with a blank between.
func (s Span) Key() string { return s.TraceID + " " + s.SpanID }

// Collector is a running collector. All methods are safe for concurrent use.
type Collector struct {
	listener net.Listener
	http     http.Server
	serving  runner.Group

	mu         sync.Mutex
	spans      map[string]Span // by key
	bodies     [][]byte
	refusals   []string
	duplicates int
	latency    time.Duration
	status     int
}

// Start serves on a free port of this machine until Close.
func Start(ctx context.Context) (*Collector, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake collector: %w", err)
	}
	c := &Collector{listener: listener, spans: make(map[string]Span)}
	c.http = http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	c.serving.Go(func() { _ = c.http.Serve(listener) })
	return c, nil
}

// Close ends all connections.
func (c *Collector) Close() error {
	err := c.http.Close()
	c.serving.Wait()
	return err
}

// URL is where spans are posted to.
func (c *Collector) URL() string { return "http://" + c.listener.Addr().String() + path }

// SetLatency makes every later answer wait.
func (c *Collector) SetLatency(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latency = d
}

// SetStatus has later requests refused with a status; 0 takes them.
func (c *Collector) SetStatus(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// Spans returns what arrived, by [Span.Key].
func (c *Collector) Spans() map[string]Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]Span, len(c.spans))
	for key, s := range c.spans {
		all[key] = s
	}
	return all
}

// Count is how many spans arrived, each once.
func (c *Collector) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.spans)
}

// Duplicates is how many spans came whose ids were there.
func (c *Collector) Duplicates() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.duplicates
}

// Bodies are the requests as they came, unpacked, also of those that were refused for what they were.
func (c *Collector) Bodies() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bodies)
}

// Refusals says why requests were no export.
func (c *Collector) Refusals() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.refusals)
}

// ServeHTTP takes one request.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	latency, status := c.latency, c.status
	c.mu.Unlock()
	request, err := c.read(w, r)
	if latency > 0 {
		late := time.NewTimer(latency)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
		}
	}
	switch {
	case err != nil:
		c.mu.Lock()
		c.refusals = append(c.refusals, err.Error())
		c.mu.Unlock()
		http.Error(w, err.Error(), http.StatusBadRequest)
	case status != 0:
		w.WriteHeader(status)
	default:
		c.keep(request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}
}

func (c *Collector) read(w http.ResponseWriter, r *http.Request) (*coltrace.ExportTraceServiceRequest, error) {
	if r.Method != http.MethodPost || r.URL.Path != path || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("%s %s of %.40q is no export", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxBody))
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		body = unpacked
	}
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if len(data) > maxBody {
		return nil, errors.New("the body is too large")
	}
	c.mu.Lock()
	c.bodies = append(c.bodies, data)
	c.mu.Unlock()
	request := new(coltrace.ExportTraceServiceRequest)
	if err := proto.Unmarshal(data, request); err != nil {
		return nil, fmt.Errorf("the body: %w", err)
	}
	return request, nil
}

func (c *Collector) keep(request *coltrace.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, raw := range scope.GetSpans() {
				s := spanOf(raw)
				if _, known := c.spans[s.Key()]; known {
					c.duplicates++
				}
				c.spans[s.Key()] = s
			}
		}
	}
}

func spanOf(raw *otlp.Span) Span {
	s := Span{
		TraceID: hex.EncodeToString(raw.GetTraceId()), SpanID: hex.EncodeToString(raw.GetSpanId()), ParentID: hex.EncodeToString(raw.GetParentSpanId()),
		Name: raw.GetName(), Start: timeOf(raw.GetStartTimeUnixNano()), End: timeOf(raw.GetEndTimeUnixNano()),
		Attributes: make(map[string]string), Failed: raw.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR, Status: raw.GetStatus().GetMessage(),
	}
	for _, a := range raw.GetAttributes() {
		s.Attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	for _, l := range raw.GetLinks() {
		s.Links = append(s.Links, hex.EncodeToString(l.GetTraceId())+" "+hex.EncodeToString(l.GetSpanId()))
	}
	return s
}

// timeOf is the zero time where none was told.
func timeOf(ns uint64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns)).UTC()
}
