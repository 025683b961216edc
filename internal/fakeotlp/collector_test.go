package fakeotlp_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/internal/fakeotlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func collector(t *testing.T) *fakeotlp.Collector {
	t.Helper()
	c, err := fakeotlp.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return c
}

func post(t *testing.T, url, kind string, body []byte) int {
	t.Helper()
	resp, err := http.Post(url, kind, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestCollector(t *testing.T) {
	t.Parallel()
	c := collector(t)
	span := &otlp.Span{
		TraceId: bytes.Repeat([]byte{1}, 16), SpanId: bytes.Repeat([]byte{2}, 8), Name: "process orders", StartTimeUnixNano: 5, EndTimeUnixNano: 7,
		Status: &otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: "no"},
		Links:  []*otlp.Span_Link{{TraceId: bytes.Repeat([]byte{3}, 16), SpanId: bytes.Repeat([]byte{4}, 8)}},
	}
	body, err := proto.Marshal(&coltrace.ExportTraceServiceRequest{ResourceSpans: []*otlp.ResourceSpans{{ScopeSpans: []*otlp.ScopeSpans{{Spans: []*otlp.Span{span}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	const kind = "application/x-protobuf"
	for range 2 {
		if status := post(t, c.URL(), kind, body); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	c.SetStatus(http.StatusServiceUnavailable)
	if status := post(t, c.URL(), kind, body); status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want it refused", status)
	}
	got, ok := c.Spans()["01010101010101010101010101010101 0202020202020202"]
	if !ok || c.Count() != 1 || c.Duplicates() != 1 || !got.Failed || got.Status != "no" || !got.End.Equal(time.Unix(0, 7)) || len(got.Links) != 1 || got.ParentID != "" {
		t.Errorf("%+v of %d, %d twice", got, c.Count(), c.Duplicates())
	}
}

func TestCollector_Refuses(t *testing.T) {
	t.Parallel()
	c := collector(t)
	for _, status := range []int{
		post(t, c.URL(), "text/plain", nil), post(t, c.URL(), "application/x-protobuf", []byte("no protobuf")), post(t, c.URL()+"/x", "application/x-protobuf", nil),
	} {
		if status != http.StatusBadRequest {
			t.Errorf("status %d", status)
		}
	}
	if len(c.Refusals()) != 3 || c.Count() != 0 {
		t.Errorf("%d spans, refusals %q", c.Count(), c.Refusals())
	}
}
